//! New-Order (clause 2.4): 9 round trips whatever the number of lines, BEGIN and COMMIT included;
//! one more when an order names an item twice.
//!
//! Locks are taken in one order by everybody: the district, then stock by (warehouse, item).

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::execute::{End, Stamp, Work};
use super::input::{Line, NewOrder};
use super::money::{Cents, money};
use super::scale::{LINES, LINES_MAX};
use super::time::datetime_text;
use crate::event::{StatementKind, WriteKey};
use crate::session::{Failure, Statement, Value, cell};

/// Takes the next order number; the row stays locked until the end, which keeps numbers gapless.
static TAKE_NUMBER: Statement = Statement::fixed(
    StatementKind::Write,
    "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = ? AND d_id = ?",
);

/// Sees the district as just updated, because it is our own update.
static READ_HEAD: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT d_next_o_id - 1, d_tax, w_tax, c_discount, c_last, c_credit \
     FROM warehouse JOIN district ON d_w_id = w_id JOIN customer ON c_w_id = d_w_id AND c_d_id = d_id \
     WHERE w_id = ? AND d_id = ? AND c_id = ?",
);

static INSERT_ORDER: Statement = Statement::fixed(
    StatementKind::Write,
    "INSERT INTO orders (o_w_id, o_d_id, o_id, o_c_id, o_entry_d, o_carrier_id, o_ol_cnt, o_all_local) \
     VALUES (?, ?, ?, ?, ?, NULL, ?, ?)",
);

static INSERT_NEW_ORDER: Statement = Statement::fixed(
    StatementKind::Write,
    "INSERT INTO new_order (no_w_id, no_d_id, no_o_id) VALUES (?, ?, ?)",
);

/// The rule of clause 2.4.2.2, executed by the server, which spares reading the rows first. One
/// statement takes up to 15 lines of different items; slots not needed name a row that is not.
static UPDATE_STOCK: LazyLock<Statement> = LazyLock::new(|| {
    let ordered = format!("CASE s_i_id {}ELSE 0 END", "WHEN ? THEN ? ".repeat(LINES_MAX));
    let sql = format!(
        "UPDATE stock SET \
         s_quantity = s_quantity - ({ordered}) + CASE WHEN s_quantity - ({ordered}) >= 10 THEN 0 ELSE 91 END, \
         s_ytd = s_ytd + ({ordered}), s_order_cnt = s_order_cnt + 1, \
         s_remote_cnt = s_remote_cnt + CASE WHEN s_w_id = ? THEN 0 ELSE 1 END \
         WHERE {}",
        stock_keys(),
    );
    Statement::built(StatementKind::Write, sql)
});

/// Stock and item of every line. The district's own `s_dist_xx` is chosen by number, so that the
/// ten districts share one statement.
static READ_STOCK: LazyLock<Statement> = LazyLock::new(|| {
    let sql = format!(
        "SELECT s_w_id, s_i_id, s_quantity, i_price, \
         ELT(?, s_dist_01, s_dist_02, s_dist_03, s_dist_04, s_dist_05, \
         s_dist_06, s_dist_07, s_dist_08, s_dist_09, s_dist_10), s_data, i_name, i_data \
         FROM stock JOIN item ON i_id = s_i_id WHERE {}",
        stock_keys(),
    );
    Statement::built(StatementKind::Read, sql)
});

fn stock_keys() -> String {
    vec!["(s_w_id = ? AND s_i_id = ?)"; LINES_MAX].join(" OR ")
}

/// One statement for each number of lines; a rolled-back order inserts one line less.
static INSERT_LINES: LazyLock<Vec<Statement>> = LazyLock::new(|| {
    let row = "(?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)";
    let insert = |lines| {
        let mut sql = String::from(
            "INSERT INTO order_line (ol_w_id, ol_d_id, ol_o_id, ol_number, ol_i_id, \
             ol_supply_w_id, ol_delivery_d, ol_quantity, ol_amount, ol_dist_info) VALUES ",
        );
        let _ = write!(sql, "{}", vec![row; lines].join(", "));
        Statement::built(StatementKind::Write, sql)
    };
    (LINES_MIN..=LINES_MAX).map(insert).collect()
});

const LINES_MIN: usize = *LINES.start() as usize - 1;

/// What [`run`] executes.
pub(super) fn statements(input: &NewOrder) -> Vec<&'static Statement> {
    let lines = insert_lines_of(existing(input).len());
    vec![
        &TAKE_NUMBER,
        &READ_HEAD,
        &INSERT_ORDER,
        &INSERT_NEW_ORDER,
        &UPDATE_STOCK,
        &READ_STOCK,
        lines,
    ]
}

/// All lines but the one whose item does not exist: its order goes through the whole work and is
/// rolled back at the end, as clause 2.4.2.3 wants.
fn existing(input: &NewOrder) -> &[Line] {
    &input.lines[..input.lines.len() - usize::from(input.rolls_back())]
}

fn insert_lines_of(lines: usize) -> &'static Statement {
    &INSERT_LINES[lines - LINES_MIN]
}

/// What the stock and item of a line say.
struct Supplied {
    price: Cents,
    dist_info: Vec<u8>,
}

pub(super) async fn run(
    work: &mut Work<'_>,
    input: &NewOrder,
    stamp: Stamp,
) -> Result<End, Failure> {
    let (w, d) = (Value::from(input.warehouse), Value::from(input.district));
    work.write(&TAKE_NUMBER, vec![w.clone(), d.clone()], 1).await?;
    let head = work.row(&READ_HEAD, vec![w.clone(), d.clone(), input.customer.into()]).await?;
    let order: u64 = cell(&head, 0)?;

    let entered = datetime_text(stamp.epoch_us);
    let lines = input.lines.len() as u64;
    let key = vec![w.clone(), d.clone(), order.into()];
    let rest = [input.customer.into(), entered.into(), lines.into(), input.all_local().into()];
    work.write(&INSERT_ORDER, [key.clone(), rest.into()].concat(), 1).await?;
    work.write(&INSERT_NEW_ORDER, key, 1).await?;

    let existing = existing(input);
    update_stock(work, input.warehouse, existing).await?;
    let supplied = read_stock(work, input).await?;
    insert_lines(work, input, order, existing, &supplied).await?;

    if input.rolls_back() {
        return Ok(End::Rollback);
    }
    Ok(End::Commit(Some(WriteKey::NewOrder {
        district: input.district,
        order,
        customer: input.customer,
        entered_us: stamp.epoch_us,
    })))
}

/// Takes every line out of stock. An item named twice goes into a second statement, so that the
/// rule is applied to its lines one after the other.
async fn update_stock(work: &mut Work<'_>, warehouse: u32, lines: &[Line]) -> Result<(), Failure> {
    let mut left = lines.to_vec();
    while !left.is_empty() {
        let (now, later) = distinct_items(&left);
        let quantities = pad(now.iter().map(|line| [line.item, line.quantity]));
        let mut params = [quantities.clone(), quantities.clone(), quantities].concat();
        params.push(warehouse.into());
        params.extend(pad(now.iter().map(|line| [line.supply, line.item])));
        work.write(&UPDATE_STOCK, params, now.len() as u64).await?;
        left = later;
    }
    Ok(())
}

/// The first line of every item, and the others.
fn distinct_items(lines: &[Line]) -> (Vec<Line>, Vec<Line>) {
    let mut now: Vec<Line> = Vec::with_capacity(lines.len());
    let mut later = Vec::new();
    for line in lines {
        let seen = now.iter().any(|other| other.item == line.item);
        if seen { &mut later } else { &mut now }.push(*line);
    }
    (now, later)
}

/// Pairs as parameters, filled up to 15 pairs with zeros, which name no row.
fn pad(pairs: impl Iterator<Item = [u32; 2]>) -> Vec<Value> {
    let zeros = std::iter::repeat([0; 2]);
    pairs.chain(zeros).take(LINES_MAX).flatten().map(Value::from).collect()
}

/// Reads item and stock of every line, the last one's that may not exist included, and checks
/// that exactly the expected rows are there. In the order of the input's lines.
async fn read_stock(work: &mut Work<'_>, input: &NewOrder) -> Result<Vec<Supplied>, Failure> {
    let mut params = vec![input.district.into()];
    params.extend(pad(input.lines.iter().map(|line| [line.supply, line.item])));
    let rows = work.rows(&READ_STOCK, params).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let key: (u32, u32) = (cell(row, 0)?, cell(row, 1)?);
        let quantity: i64 = cell(row, 2)?;
        if !(10..=100).contains(&quantity) {
            let message = format!("stock {key:?} holds {quantity}, outside 10 to 100");
            return Err(Failure::data(StatementKind::Read, message));
        }
        found.push((key, (money(row, 3)?, cell::<Vec<u8>>(row, 4)?)));
    }
    let mut supplied = Vec::with_capacity(input.lines.len());
    for line in &input.lines {
        let key = (line.supply, line.item);
        match found.iter().find(|(other, _)| *other == key) {
            Some((_, (price, dist_info))) => {
                supplied.push(Supplied { price: *price, dist_info: dist_info.clone() });
            }
            None if line.item == super::scale::UNUSED_ITEM => {}
            None => {
                let message = format!("stock or item {key:?} is missing");
                return Err(Failure::data(StatementKind::Read, message));
            }
        }
    }
    Ok(supplied)
}

async fn insert_lines(
    work: &mut Work<'_>,
    input: &NewOrder,
    order: u64,
    lines: &[Line],
    supplied: &[Supplied],
) -> Result<(), Failure> {
    let mut params = Vec::with_capacity(lines.len() * 9);
    for (number, (line, supplied)) in (1_u32..).zip(lines.iter().zip(supplied)) {
        // No tax and no discount: those are for the terminal's screen (clause 2.4.2.2).
        let amount = Cents(supplied.price.0 * i64::from(line.quantity));
        params.extend([input.warehouse.into(), input.district.into(), order.into()]);
        params.extend([number.into(), line.item.into(), line.supply.into()]);
        params.extend([line.quantity.into(), amount.into(), Value::from(&supplied.dist_info)]);
    }
    work.write(insert_lines_of(lines.len()), params, lines.len() as u64).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(supply: u32, item: u32) -> Line {
        Line { item, supply, quantity: 1 }
    }

    #[test]
    fn an_item_named_twice_waits_for_the_next_statement() {
        let lines = [line(1, 5), line(1, 5), line(1, 9), line(2, 5)];
        let (now, later) = distinct_items(&lines);
        assert_eq!(now, [line(1, 5), line(1, 9)]);
        assert_eq!(later, [line(1, 5), line(2, 5)]);
    }

    #[test]
    fn statements_have_as_many_marks_as_the_parameters_made_for_them() {
        let marks = |statement: &Statement| statement.sql.matches('?').count();
        assert_eq!(marks(&UPDATE_STOCK), 4 * 2 * LINES_MAX + 1);
        assert_eq!(marks(&READ_STOCK), 1 + 2 * LINES_MAX);
        assert_eq!(INSERT_LINES.len(), 12);
        assert_eq!(marks(&INSERT_LINES[10 - LINES_MIN]), 90);
        assert_eq!(pad([[1, 2]].into_iter()).len(), 2 * LINES_MAX);
    }
}
