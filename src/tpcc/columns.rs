//! Columns of the nine tables, in the order in which rows are written (clause 1.3).

pub(super) const ITEM: &[&str] = &[
    "i_id INT NOT NULL",
    "i_im_id INT NOT NULL",
    "i_name VARCHAR(24) NOT NULL",
    "i_price DECIMAL(5, 2) NOT NULL",
    "i_data VARCHAR(50) NOT NULL",
];

pub(super) const WAREHOUSE: &[&str] = &[
    "w_id INT NOT NULL",
    "w_name VARCHAR(10) NOT NULL",
    "w_street_1 VARCHAR(20) NOT NULL",
    "w_street_2 VARCHAR(20) NOT NULL",
    "w_city VARCHAR(20) NOT NULL",
    "w_state CHAR(2) NOT NULL",
    "w_zip CHAR(9) NOT NULL",
    "w_tax DECIMAL(4, 4) NOT NULL",
    "w_ytd DECIMAL(16, 2) NOT NULL",
];

pub(super) const DISTRICT: &[&str] = &[
    "d_w_id INT NOT NULL",
    "d_id INT NOT NULL",
    "d_name VARCHAR(10) NOT NULL",
    "d_street_1 VARCHAR(20) NOT NULL",
    "d_street_2 VARCHAR(20) NOT NULL",
    "d_city VARCHAR(20) NOT NULL",
    "d_state CHAR(2) NOT NULL",
    "d_zip CHAR(9) NOT NULL",
    "d_tax DECIMAL(4, 4) NOT NULL",
    "d_ytd DECIMAL(16, 2) NOT NULL",
    "d_next_o_id INT NOT NULL",
];

pub(super) const STOCK: &[&str] = &[
    "s_w_id INT NOT NULL",
    "s_i_id INT NOT NULL",
    "s_quantity INT NOT NULL",
    "s_dist_01 CHAR(24) NOT NULL",
    "s_dist_02 CHAR(24) NOT NULL",
    "s_dist_03 CHAR(24) NOT NULL",
    "s_dist_04 CHAR(24) NOT NULL",
    "s_dist_05 CHAR(24) NOT NULL",
    "s_dist_06 CHAR(24) NOT NULL",
    "s_dist_07 CHAR(24) NOT NULL",
    "s_dist_08 CHAR(24) NOT NULL",
    "s_dist_09 CHAR(24) NOT NULL",
    "s_dist_10 CHAR(24) NOT NULL",
    "s_ytd BIGINT NOT NULL",
    "s_order_cnt INT NOT NULL",
    "s_remote_cnt INT NOT NULL",
    "s_data VARCHAR(50) NOT NULL",
];

pub(super) const CUSTOMER: &[&str] = &[
    "c_w_id INT NOT NULL",
    "c_d_id INT NOT NULL",
    "c_id INT NOT NULL",
    "c_first VARCHAR(16) NOT NULL",
    "c_middle CHAR(2) NOT NULL",
    "c_last VARCHAR(16) NOT NULL",
    "c_street_1 VARCHAR(20) NOT NULL",
    "c_street_2 VARCHAR(20) NOT NULL",
    "c_city VARCHAR(20) NOT NULL",
    "c_state CHAR(2) NOT NULL",
    "c_zip CHAR(9) NOT NULL",
    "c_phone CHAR(16) NOT NULL",
    "c_since DATETIME(6) NOT NULL",
    "c_credit CHAR(2) NOT NULL",
    "c_credit_lim DECIMAL(12, 2) NOT NULL",
    "c_discount DECIMAL(4, 4) NOT NULL",
    "c_balance DECIMAL(16, 2) NOT NULL",
    "c_ytd_payment DECIMAL(16, 2) NOT NULL",
    "c_payment_cnt INT NOT NULL",
    "c_delivery_cnt INT NOT NULL",
    "c_data VARCHAR(500) NOT NULL",
];

pub(super) const HISTORY: &[&str] = &[
    "h_run INT NOT NULL",
    "h_terminal INT NOT NULL",
    "h_sequence BIGINT NOT NULL",
    "h_c_id INT NOT NULL",
    "h_c_d_id INT NOT NULL",
    "h_c_w_id INT NOT NULL",
    "h_d_id INT NOT NULL",
    "h_w_id INT NOT NULL",
    "h_date DATETIME(6) NOT NULL",
    "h_amount DECIMAL(6, 2) NOT NULL",
    "h_data VARCHAR(24) NOT NULL",
];

pub(super) const ORDERS: &[&str] = &[
    "o_w_id INT NOT NULL",
    "o_d_id INT NOT NULL",
    "o_id INT NOT NULL",
    "o_c_id INT NOT NULL",
    "o_entry_d DATETIME(6) NOT NULL",
    "o_carrier_id INT NULL",
    "o_ol_cnt INT NOT NULL",
    "o_all_local INT NOT NULL",
];

pub(super) const NEW_ORDER: &[&str] =
    &["no_w_id INT NOT NULL", "no_d_id INT NOT NULL", "no_o_id INT NOT NULL"];

pub(super) const ORDER_LINE: &[&str] = &[
    "ol_w_id INT NOT NULL",
    "ol_d_id INT NOT NULL",
    "ol_o_id INT NOT NULL",
    "ol_number INT NOT NULL",
    "ol_i_id INT NOT NULL",
    "ol_supply_w_id INT NOT NULL",
    "ol_delivery_d DATETIME(6) NULL",
    "ol_quantity INT NOT NULL",
    "ol_amount DECIMAL(8, 2) NOT NULL",
    "ol_dist_info CHAR(24) NOT NULL",
];
