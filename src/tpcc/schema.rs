//! The schema: the standard nine tables and three of our own, in a variant for each product.
//!
//! Differences from the specification, and why. `history` has a primary key given by the client
//! (run, terminal, sequence), because clustered products need one and because it makes every
//! payment findable. Dates keep microseconds, so that an order can be recognised as this client's.
//! `ol_delivery_d` is NULL until delivery. Counters and sums are wide, because small types overflow
//! in long runs. No foreign keys.

use super::columns;
use super::scale::Table;
use crate::scenario::Product;

/// Changes whenever the tables, or the rows that a seed gives, change.
pub const VERSION: u32 = 1;

/// Tables of our own: the marker, the marks of loaded chunks, and what probes write to.
pub const OWN_TABLES: [&str; 3] = ["rollproof_meta", "rollproof_chunk", "rollproof_probe"];

/// A partition for each warehouse, up to this many.
const PARTITIONS_MAX: u32 = 64;

/// How tables are laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a> {
    /// The product they are for.
    pub product: Product,
    /// How many warehouses they will hold.
    pub warehouses: u32,
    /// OceanBase: the tablegroup that keeps a warehouse's partitions on one leader, where the
    /// server has such a thing.
    pub tablegroup: Option<&'a str>,
}

const META: &str = "CREATE TABLE IF NOT EXISTS rollproof_meta (
  id INT NOT NULL,
  schema_version INT NOT NULL,
  warehouses INT NOT NULL,
  seed BIGINT UNSIGNED NOT NULL,
  c_load INT NOT NULL,
  load_complete INT NOT NULL,
  last_run INT NOT NULL,
  PRIMARY KEY (id)
)";

const CHUNK: &str = "CREATE TABLE IF NOT EXISTS rollproof_chunk (
  table_name VARCHAR(16) NOT NULL,
  warehouse INT NOT NULL,
  first_index INT NOT NULL,
  end_index INT NOT NULL,
  PRIMARY KEY (table_name, warehouse, first_index)
)";

/// One row a zone and kind of probe: probes of different zones never meet at a row.
const PROBE: &str = "CREATE TABLE IF NOT EXISTS rollproof_probe (
  zone VARCHAR(128) NOT NULL,
  kind VARCHAR(16) NOT NULL,
  writes BIGINT NOT NULL,
  PRIMARY KEY (zone, kind)
)";

/// Everything to be created, in order. Each statement may be repeated.
pub fn tables(layout: Layout<'_>) -> Vec<String> {
    let own = [META, CHUNK, PROBE].map(str::to_owned);
    own.into_iter().chain(Table::ALL.iter().map(|table| create(*table, layout))).collect()
}

/// Creates the tablegroup of [`Layout::tablegroup`] (OceanBase 4.2 and later).
pub fn tablegroup(name: &str) -> String {
    format!("CREATE TABLEGROUP IF NOT EXISTS {name} SHARDING = 'PARTITION'")
}

fn create(table: Table, layout: Layout<'_>) -> String {
    let key = primary_key(table, layout.product);
    let clustered = layout.product == Product::OceanBase;
    let local = if clustered { " LOCAL" } else { "" };
    let index = match index(table) {
        Some((name, columns)) => format!(",\n  INDEX {name} ({columns}){local}"),
        None => String::new(),
    };
    let mut sql = format!(
        "CREATE TABLE IF NOT EXISTS {table} (\n  {},\n  PRIMARY KEY ({key}){index}\n) \
         DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        columns(table).join(",\n  "),
    );
    if clustered && let Some(warehouse) = table.warehouse_column() {
        if let Some(group) = layout.tablegroup {
            sql.push_str(&format!(" TABLEGROUP = {group}"));
        }
        let partitions = layout.warehouses.clamp(1, PARTITIONS_MAX);
        sql.push_str(&format!(" PARTITION BY HASH({warehouse}) PARTITIONS {partitions}"));
    }
    sql
}

/// Columns of a table's primary key.
pub fn primary_key(table: Table, product: Product) -> &'static str {
    match table {
        Table::Item => "i_id",
        Table::Warehouse => "w_id",
        Table::District => "d_w_id, d_id",
        Table::Stock => "s_w_id, s_i_id",
        Table::Customer => "c_w_id, c_d_id, c_id",
        // A partitioned table's key must hold the column it is partitioned by. A terminal has one
        // warehouse in a run, so the key is as strict as without it.
        Table::History if product == Product::OceanBase => "h_run, h_terminal, h_sequence, h_w_id",
        Table::History => "h_run, h_terminal, h_sequence",
        Table::Orders => "o_w_id, o_d_id, o_id",
        Table::NewOrder => "no_w_id, no_d_id, no_o_id",
        Table::OrderLine => "ol_w_id, ol_d_id, ol_o_id, ol_number",
    }
}

fn index(table: Table) -> Option<(&'static str, &'static str)> {
    match table {
        Table::Customer => Some(("customer_name", "c_w_id, c_d_id, c_last, c_first")),
        Table::Orders => Some(("orders_customer", "o_w_id, o_d_id, o_c_id, o_id")),
        _ => None,
    }
}

/// Names of a table's columns, in the order in which rows are written.
pub fn column_names(table: Table) -> impl Iterator<Item = &'static str> {
    columns(table).iter().map(|column| column.split_once(' ').map_or(*column, |(name, _)| name))
}

/// Begins a multi-row INSERT.
pub fn insert_into(table: Table) -> String {
    let names: Vec<_> = column_names(table).collect();
    format!("INSERT INTO {table} ({}) VALUES ", names.join(", "))
}

/// Takes tab-separated lines in, from a file of the client's.
pub fn load_into(table: Table) -> String {
    let names: Vec<_> = column_names(table).collect();
    // Everything else is as LOAD DATA has it by default.
    format!(
        "LOAD DATA LOCAL INFILE '{table}' INTO TABLE {table} CHARACTER SET utf8mb4 ({})",
        names.join(", ")
    )
}

fn columns(table: Table) -> &'static [&'static str] {
    match table {
        Table::Item => columns::ITEM,
        Table::Warehouse => columns::WAREHOUSE,
        Table::District => columns::DISTRICT,
        Table::Stock => columns::STOCK,
        Table::Customer => columns::CUSTOMER,
        Table::History => columns::HISTORY,
        Table::Orders => columns::ORDERS,
        Table::NewOrder => columns::NEW_ORDER,
        Table::OrderLine => columns::ORDER_LINE,
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoding::{RowBuffer, Tsv};
    use super::super::rows::RowMaker;
    use super::*;

    #[test]
    fn rows_have_as_many_fields_as_tables_have_columns() {
        let mut maker = RowMaker::new(1);
        for table in Table::ALL {
            let mut out = RowBuffer::<Tsv>::new();
            maker.write(*table, 1, 0, &mut out);
            let text = String::from_utf8(out.bytes().to_vec()).unwrap();
            let fields = text.lines().next().unwrap().split('\t').count();
            assert_eq!(fields, column_names(*table).count(), "{table}");
        }
    }

    #[test]
    fn oceanbase_partitions_every_table_but_item_by_warehouse() {
        let layout =
            Layout { product: Product::OceanBase, warehouses: 200, tablegroup: Some("tpcc_group") };
        for table in Table::ALL {
            let sql = create(*table, layout);
            let partitioned = sql.contains("PARTITION BY HASH") && sql.contains("TABLEGROUP");
            assert_eq!(partitioned, *table != Table::Item, "{sql}");
            if let Some(column) = table.warehouse_column() {
                assert!(primary_key(*table, Product::OceanBase).contains(column), "{sql}");
                assert!(sql.ends_with("PARTITIONS 64"), "{sql}");
            }
        }
        let plain = tables(Layout { product: Product::Galera, ..layout });
        assert!(plain.iter().all(|sql| !sql.contains("PARTITION") && !sql.contains("TABLEGROUP")));
        assert_eq!(plain.len(), 12);
    }
}
