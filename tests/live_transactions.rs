//! What each transaction does to the database, to the letter of the specification, and how many
//! round trips it takes by the server's own count.
//!
//! Needs a lab: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the tests say so and
//! pass.

mod tpcc_lab;

use std::sync::Arc;

use rollproof::event::{Outcome, StatementKind, WriteKey};
use rollproof::scenario::Product;
use rollproof::session::{BEGIN, ROLLBACK, Session, Statement, cell};
use rollproof::tpcc::input::{Customer, Delivery, Line, NewOrder, Payment, Selector};
use rollproof::tpcc::money::Cents;
use rollproof::tpcc::random::last_name;
use rollproof::tpcc::scale::UNUSED_ITEM;
use rollproof::tpcc::{Input, Limits, LoadRequest, Stamp, begin_run, execute};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tpcc_lab::{MINUTE, admin, database, load_quietly, open, open_at};

/// One session, and a sequence number for everything it does.
struct Desk {
    session: Session,
    run_number: u32,
    sequence: u64,
}

impl Desk {
    async fn open(request: &LoadRequest) -> Self {
        let mut session = open(request, true).await;
        let by = Instant::now() + MINUTE;
        let run_number = begin_run(&mut session, &request.database, by).await.unwrap();
        Self { session, run_number, sequence: 0 }
    }

    async fn execute(&mut self, input: Input) -> (Outcome, Option<WriteKey>) {
        self.sequence += 1;
        let stamp = Stamp {
            run_number: self.run_number,
            terminal: 0,
            sequence: self.sequence,
            epoch_us: 1_800_000_000_000_000 + self.sequence as i64,
        };
        let limits = Limits { statement: MINUTE, by: Instant::now() + MINUTE };
        let done = execute(&mut self.session, &input, stamp, limits).await;
        assert_eq!(done.failure, None, "{input:?}");
        (done.outcome, done.key)
    }

    async fn query(&mut self, sql: &str) -> Vec<Vec<String>> {
        let statement = Statement::built(StatementKind::Read, sql.to_owned());
        let answer = self.session.query(&statement, Instant::now() + MINUTE).await.unwrap();
        let rows = answer.rows.iter();
        rows.map(|row| (0..row.len()).map(|at| cell(row, at).unwrap()).collect()).collect()
    }

    /// The one row, its cells set apart by spaces.
    async fn row(&mut self, sql: &str) -> String {
        let rows = self.query(sql).await;
        assert_eq!(rows.len(), 1, "{sql}");
        rows[0].join(" ")
    }

    async fn write(&mut self, sql: &str) {
        let statement = Statement::built(StatementKind::Write, sql.to_owned());
        self.session.query(&statement, Instant::now() + MINUTE).await.unwrap();
    }

    /// Commands this session has sent, as the server counts them, preparations included.
    async fn commands(&mut self) -> (u64, u64) {
        let sql = "SHOW SESSION STATUS WHERE Variable_name IN ('Questions', 'Com_stmt_prepare')";
        let rows = self.query(sql).await;
        let of = |name: &str| rows.iter().find(|row| row[0] == name).unwrap()[1].parse().unwrap();
        (of("Questions"), of("Com_stmt_prepare"))
    }

    /// Round trips of one transaction once its statements are prepared.
    async fn round_trips(&mut self, input: Input) -> u64 {
        self.execute(input.clone()).await;
        let before = self.commands().await;
        self.execute(input).await;
        let after = self.commands().await;
        assert_eq!(after.1, before.1, "something is prepared over and over");
        // The question itself is one of them.
        after.0 - before.0 - 1
    }
}

fn line(item: u32, supply: u32, quantity: u32) -> Line {
    Line { item, supply, quantity }
}

fn order(lines: Vec<Line>) -> Input {
    Input::NewOrder(NewOrder { warehouse: 1, district: 3, customer: 7, lines })
}

fn payment(warehouse: u32, selector: Selector, cents: i64) -> Input {
    let customer = Customer { warehouse, district: 5, selector };
    Input::Payment(Payment { warehouse: 1, district: 2, customer, amount: Cents(cents) })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transaction_does_what_the_specification_says() {
    let Some(request) = database("live_transactions", 2).await else { return };
    load_quietly(&request).await.unwrap();
    let mut desk = Desk::open(&request).await;
    money_is_decimal(&mut desk).await;
    round_trips_are_few(&mut desk).await;
    an_order_takes_from_the_stock_it_names(&mut desk).await;
    an_unused_item_undoes_the_whole_order(&mut desk).await;
    a_payment_moves_money_and_writes_down_bad_credit(&mut desk).await;
    a_last_name_means_the_middle_customer(&mut desk).await;
    a_delivery_takes_the_oldest_order_of_each_district(&mut desk).await;
    admin(&request, "DROP DATABASE live_transactions").await;
}

async fn money_is_decimal(desk: &mut Desk) {
    let rows = desk
        .query(
            "SELECT column_name, data_type FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND (data_type IN ('float', 'double', 'decimal'))",
        )
        .await;
    assert!(rows.iter().all(|row| row[1] == "decimal"), "{rows:?}");
    let found: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    for money in [
        "w_ytd",
        "d_ytd",
        "c_balance",
        "c_ytd_payment",
        "c_credit_lim",
        "h_amount",
        "i_price",
        "ol_amount",
    ] {
        assert!(found.contains(&money), "{money} is not a decimal: {found:?}");
    }
}

async fn round_trips_are_few(desk: &mut Desk) {
    let ten = order((1..=10).map(|item| line(item * 7, 1, 5)).collect());
    assert!(desk.round_trips(ten).await <= 10);
    // One supplied from elsewhere, one item named twice: the dearest order there is.
    let mut lines: Vec<_> = (1..=14).map(|item| line(item, 1, 1)).collect();
    lines[0] = line(2, 1, 3);
    lines.push(line(3, 2, 1));
    assert!(desk.round_trips(order(lines)).await <= 10);
    assert!(desk.round_trips(payment(1, Selector::Id(9), 100)).await <= 7);
    assert!(desk.round_trips(payment(2, Selector::LastName(9), 100)).await <= 8);
}

const STOCK: &str = "SELECT s_quantity, s_ytd, s_order_cnt, s_remote_cnt FROM stock";

/// Both sides of the rule of clause 2.4.2.2, at home and elsewhere, and the amounts.
async fn an_order_takes_from_the_stock_it_names(desk: &mut Desk) {
    desk.write("UPDATE stock SET s_quantity = 15, s_ytd = 0, s_order_cnt = 0, s_remote_cnt = 0 WHERE s_i_id IN (501, 502, 503)").await;
    // Ten are left of the first; of the second nine would be, so 91 come in.
    let mut lines = vec![line(501, 1, 5), line(502, 1, 6), line(504, 1, 1)];
    lines.extend([line(502, 2, 5), line(503, 2, 6)]);
    let (outcome, key) = desk.execute(order(lines)).await;
    assert_eq!(outcome, Outcome::Committed);
    let Some(WriteKey::NewOrder { order, .. }) = key else { panic!("{key:?}") };
    let cases = [
        (1, 501, "10 5 1 0"),
        (1, 502, "100 6 1 0"),
        (1, 503, "15 0 0 0"),
        (2, 501, "15 0 0 0"),
        (2, 502, "10 5 1 1"),
        (2, 503, "100 6 1 1"),
    ];
    for (warehouse, item, expected) in cases {
        let sql = format!("{STOCK} WHERE s_w_id = {warehouse} AND s_i_id = {item}");
        assert_eq!(desk.row(&sql).await, expected, "stock of {item} in {warehouse}");
    }
    let of = format!("ol_w_id = 1 AND ol_d_id = 3 AND ol_o_id = {order}");
    let wrong = format!(
        "SELECT COUNT(*), COALESCE(SUM(ol_amount <> ol_quantity * i_price \
         OR ol_dist_info <> s_dist_03 OR ol_delivery_d IS NOT NULL), 9) \
         FROM order_line JOIN item ON i_id = ol_i_id \
         JOIN stock ON s_w_id = ol_supply_w_id AND s_i_id = ol_i_id WHERE {of}"
    );
    assert_eq!(desk.row(&wrong).await, "5 0");
    let head = format!(
        "SELECT o_ol_cnt, o_all_local, o_carrier_id IS NULL FROM orders \
         WHERE o_w_id = 1 AND o_d_id = 3 AND o_id = {order}"
    );
    assert_eq!(desk.row(&head).await, "5 0 1");
}

fn order_ending_with(item: u32) -> Input {
    order((600..604).chain([item]).map(|item| line(item, 1, 5)).collect())
}

async fn an_unused_item_undoes_the_whole_order(desk: &mut Desk) {
    let state = "SELECT d_next_o_id, s_quantity, s_ytd, s_order_cnt FROM district \
         JOIN stock ON s_w_id = d_w_id WHERE d_w_id = 1 AND d_id = 3 AND s_i_id = 600";
    let before = desk.row(state).await;
    let undone = order_ending_with(UNUSED_ITEM);
    assert_eq!(desk.execute(undone.clone()).await, (Outcome::RolledBack, None));
    assert_eq!(desk.row(state).await, before);
    // All the work but the last line is done first: as many commands as an order that stays.
    let stays = order_ending_with(604);
    assert_eq!(desk.round_trips(undone).await, desk.round_trips(stays).await);
}

async fn a_payment_moves_money_and_writes_down_bad_credit(desk: &mut Desk) {
    let customer = "c_w_id = 2 AND c_d_id = 5 AND c_id = 11";
    let state = format!(
        "SELECT w_ytd, d_ytd, c_balance, c_ytd_payment, c_payment_cnt FROM warehouse \
         JOIN district ON d_w_id = w_id JOIN customer ON {customer} WHERE w_id = 1 AND d_id = 2"
    );
    let old = "x".repeat(495);
    for (credit, expected) in
        [("GC", old.clone()), ("BC", format!("11 5 2 2 1 4999.99 | {old}")[..500].to_owned())]
    {
        desk.write(&format!(
            "UPDATE customer SET c_credit = '{credit}', c_data = '{old}', c_balance = -10.00, \
             c_ytd_payment = 10.00, c_payment_cnt = 1 WHERE {customer}"
        ))
        .await;
        desk.write(
            "UPDATE warehouse SET w_ytd = 99999999999999.00 - 90000000000000.00 WHERE w_id = 1",
        )
        .await;
        desk.write("UPDATE district SET d_ytd = 30000.01 WHERE d_w_id = 1 AND d_id = 2").await;
        let (outcome, _) = desk.execute(payment(2, Selector::Id(11), 499_999)).await;
        assert_eq!(outcome, Outcome::Committed);
        let moved = "10000000004998.99 35000.00 -5009.99 5009.99 2";
        assert_eq!(desk.row(&state).await, moved, "{credit}");
        let data = desk.row(&format!("SELECT c_data FROM customer WHERE {customer}")).await;
        assert_eq!(data, expected, "{credit}");
        let history = format!(
            "SELECT h_c_w_id, h_c_d_id, h_c_id, h_w_id, h_d_id, h_amount FROM history \
             WHERE h_run = {} AND h_terminal = 0 AND h_sequence = {}",
            desk.run_number, desk.sequence
        );
        assert_eq!(desk.row(&history).await, "2 5 11 1 2 4999.99");
    }
}

/// Row n/2, rounded up, of the n who have the name, by first name: for an even and an odd n.
async fn a_last_name_means_the_middle_customer(desk: &mut Desk) {
    let mut seen = [false; 2];
    for number in 0..40_u32 {
        let mut name = Vec::new();
        last_name(number, &mut name);
        let name = String::from_utf8(name).unwrap();
        let namesakes = format!(
            "SELECT c_id, c_payment_cnt FROM customer \
             WHERE c_w_id = 1 AND c_d_id = 5 AND c_last = '{name}' ORDER BY c_first"
        );
        let before = desk.query(&namesakes).await;
        let n = before.len();
        if n < 3 || std::mem::replace(&mut seen[n % 2], true) {
            continue;
        }
        desk.execute(payment(1, Selector::LastName(number), 100)).await;
        let after = desk.query(&namesakes).await;
        let paid: Vec<usize> = (0..n).filter(|&row| before[row] != after[row]).collect();
        // From 0: one less than n/2 rounded up.
        assert_eq!(paid, [n.div_ceil(2) - 1], "{name}, {n} customers");
    }
    assert_eq!(seen, [true; 2], "no name with an even and with an odd number of customers");
}

async fn a_delivery_takes_the_oldest_order_of_each_district(desk: &mut Desk) {
    // District 4 has nothing to deliver and is skipped.
    desk.write("DELETE FROM new_order WHERE no_w_id = 2 AND no_d_id = 4").await;
    let oldest = "SELECT no_d_id, MIN(no_o_id), COUNT(*) FROM new_order WHERE no_w_id = 2 \
                  GROUP BY no_d_id ORDER BY no_d_id";
    let before = desk.query(oldest).await;
    let owed = "SELECT SUM(c_balance), SUM(c_delivery_cnt) FROM customer WHERE c_w_id = 2";
    let owed_before = desk.row(owed).await;
    let input = Input::Delivery(Delivery { warehouse: 2, carrier: 9 });
    let (outcome, key) = desk.execute(input).await;
    assert_eq!(outcome, Outcome::Committed);
    let Some(WriteKey::Delivery { carrier: 9, orders: 9, .. }) = key else { panic!("{key:?}") };
    let after = desk.query(oldest).await;
    assert_eq!(after.len(), 9);
    for (before, after) in before.iter().zip(&after) {
        let number = |row: &[String], at: usize| row[at].parse::<u64>().unwrap();
        assert_eq!(before[0], after[0]);
        assert_eq!(number(before, 1) + 1, number(after, 1), "district {}", before[0]);
        assert_eq!(number(before, 2) - 1, number(after, 2), "district {}", before[0]);
    }
    let delivered = desk
        .row(
            "SELECT COUNT(DISTINCT o_d_id, o_id), SUM(ol_amount), SUM(ol_delivery_d IS NULL) \
             FROM orders JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id \
             WHERE o_w_id = 2 AND o_carrier_id = 9 AND o_id = 2101",
        )
        .await;
    let [count, amount, undated] = delivered.split(' ').collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((count, undated), ("9", "0"));
    let sums = format!(
        "SELECT SUM(c_balance) - ({amount}), SUM(c_delivery_cnt) - 9 FROM customer WHERE c_w_id = 2"
    );
    assert_eq!(desk.row(&sums).await, owed_before);
    // A warehouse with nothing left commits and has nothing to be found again.
    desk.write("DELETE FROM new_order WHERE no_w_id = 2").await;
    let input = Input::Delivery(Delivery { warehouse: 2, carrier: 3 });
    assert_eq!(desk.execute(input).await, (Outcome::Committed, None));
}

/// Galera takes a transaction back when another zone's write wins, and has no way to say so while
/// a statement is being prepared: that is answered OK, and what follows is executed by itself.
/// The status that comes with every answer tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_taken_back_while_a_statement_is_prepared_is_noticed() {
    let Some(request) = database("live_taken_back", 1).await else { return };
    if request.logins.len() < 2 || request.product != Product::Galera {
        println!("skipped: it takes two zones of Galera");
        return;
    }
    admin(&request, "CREATE DATABASE live_taken_back").await;
    admin(&request, "CREATE TABLE live_taken_back.one (id INT PRIMARY KEY, n INT NOT NULL)").await;
    admin(&request, "INSERT INTO live_taken_back.one VALUES (1, 0)").await;
    let mut here = open_at(&request, 0, true).await;
    let there = Arc::new(Mutex::new(open_at(&request, 1, true).await));
    let by = Instant::now() + MINUTE;
    let write = |sql: &str| Statement::built(StatementKind::Write, sql.to_owned());
    let (mut told, mut silent) = (0, 0);
    for round in 0..60 {
        here.query(&BEGIN, by).await.unwrap();
        let mine = here.query(&write("UPDATE one SET n = n + 1 WHERE id = 1"), by).await;
        let winner = Arc::clone(&there);
        let other = write("UPDATE one SET n = n + 100 WHERE id = 1");
        let other = tokio::spawn(async move { winner.lock().await.query(&other, by).await });
        // Long enough for the other zone's write to arrive meanwhile.
        let long = format!("SELECT id FROM one WHERE id IN ({}?)", "?, ".repeat(20_000 + round));
        let long: &Statement = Box::leak(Box::new(Statement::built(StatementKind::Read, long)));
        let prepared = here.prepare(&[long], by).await;
        let read = Statement::fixed(StatementKind::Read, "SELECT n FROM one WHERE id = 1");
        match (mine, prepared, here.query(&read, by).await) {
            (Ok(_), Ok(()), Ok(answer)) if !answer.in_transaction => silent += 1,
            (Ok(_), Ok(()), Ok(answer)) => {
                // It is still ours: nobody else's write is in what it reads.
                let n: u64 = cell(&answer.rows[0], 0).unwrap();
                assert!(
                    !n.is_multiple_of(100),
                    "{n} is not this transaction's, which it says it is"
                );
            }
            _ => told += 1,
        }
        let _ = here.query(&ROLLBACK, by).await;
        other.await.unwrap().unwrap();
    }
    println!("taken back: {told} times with an error, {silent} times with the status alone");
    assert!(told + silent > 0, "no transaction was ever taken back");
    admin(&request, "DROP DATABASE live_taken_back").await;
}
