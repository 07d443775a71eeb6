//! Payment (clause 2.5): 7 round trips by customer number, 8 by last name, BEGIN and COMMIT
//! included.
//!
//! The warehouse row is the one all terminals of a warehouse share: it is locked last, so that it
//! is held for one round trip and the COMMIT only. Everybody locks customer, district, warehouse.

use super::execute::{End, Stamp, Work};
use super::input::{Customer, Payment, Selector};
use super::random::last_name;
use super::scale::C_DATA_MAX;
use super::time::datetime_text;
use crate::event::{StatementKind, WriteKey};
use crate::session::{Failure, Statement, Value, cell};

/// Relative, so that nothing has to be read first. The cast keeps the sum a DECIMAL: with a text as
/// its other side servers would compute in floating point. Bad credit gets the payment written in front
/// of its history, cut at 500 characters.
static PAY_CUSTOMER: Statement = Statement::fixed(
    StatementKind::Write,
    "UPDATE customer SET c_balance = c_balance - CAST(? AS DECIMAL(16, 2)), \
     c_ytd_payment = c_ytd_payment + CAST(? AS DECIMAL(16, 2)), \
     c_payment_cnt = c_payment_cnt + 1, \
     c_data = CASE c_credit WHEN 'BC' THEN LEFT(CONCAT(?, c_data), 500) ELSE c_data END \
     WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?",
);
const _: () = assert!(C_DATA_MAX == 500, "the statement above cuts at 500");

static PAY_DISTRICT: Statement = Statement::fixed(
    StatementKind::Write,
    "UPDATE district SET d_ytd = d_ytd + CAST(? AS DECIMAL(16, 2)) WHERE d_w_id = ? AND d_id = ?",
);

static PAY_WAREHOUSE: Statement = Statement::fixed(
    StatementKind::Write,
    "UPDATE warehouse SET w_ytd = w_ytd + CAST(? AS DECIMAL(16, 2)) WHERE w_id = ?",
);

/// Everything the terminal shows (clause 2.5.3.3).
static READ: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT w_name, d_name, w_street_1, w_street_2, w_city, w_state, w_zip, \
     d_street_1, d_street_2, d_city, d_state, d_zip, c_first, c_middle, c_last, \
     c_street_1, c_street_2, c_city, c_state, c_zip, c_phone, c_since, c_credit, c_credit_lim, \
     c_discount, c_balance, CASE c_credit WHEN 'BC' THEN LEFT(c_data, 200) ELSE '' END \
     FROM warehouse JOIN district ON d_w_id = w_id CROSS JOIN customer \
     WHERE w_id = ? AND d_id = ? AND c_w_id = ? AND c_d_id = ? AND c_id = ?",
);

/// Executed twice, it meets its own primary key: (run, terminal, sequence).
static INSERT_HISTORY: Statement = Statement::fixed(
    StatementKind::Write,
    "INSERT INTO history (h_run, h_terminal, h_sequence, h_c_id, h_c_d_id, h_c_w_id, h_d_id, h_w_id, \
     h_date, h_amount, h_data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
);

/// Names never change, so this needs no lock; the index holds all it reads.
static BY_LAST_NAME: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT c_id FROM customer WHERE c_w_id = ? AND c_d_id = ? AND c_last = ? ORDER BY c_first",
);

/// What [`run`] executes.
pub(super) fn statements(input: &Payment) -> Vec<&'static Statement> {
    let own = [&PAY_CUSTOMER, &PAY_DISTRICT, &READ, &INSERT_HISTORY, &PAY_WAREHOUSE];
    search(input.customer).into_iter().chain(own).collect()
}

pub(super) async fn run(
    work: &mut Work<'_>,
    input: &Payment,
    stamp: Stamp,
) -> Result<End, Failure> {
    let customer = find_customer(work, input.customer).await?;
    let (w, d) = (Value::from(input.warehouse), Value::from(input.district));
    let amount = Value::from(input.amount);
    let who = [input.customer.warehouse.into(), input.customer.district.into(), customer.into()];

    let note = format!(
        "{customer} {} {} {} {} {} | ",
        input.customer.district,
        input.customer.warehouse,
        input.district,
        input.warehouse,
        input.amount,
    );
    let paid = vec![amount.clone(), amount.clone(), note.into()];
    work.write(&PAY_CUSTOMER, [paid, who.to_vec()].concat(), 1).await?;
    work.write(&PAY_DISTRICT, vec![amount.clone(), w.clone(), d.clone()], 1).await?;

    let read = [vec![w.clone(), d.clone()], who.to_vec()].concat();
    let row = work.row(&READ, read).await?;
    // Four spaces between the two names (clause 2.5.2.2).
    let data = format!("{}    {}", cell::<String>(&row, 0)?, cell::<String>(&row, 1)?);

    let key = vec![stamp.run_number.into(), stamp.terminal.into(), stamp.sequence.into()];
    let [customer_warehouse, customer_district, customer] = who;
    let whom = vec![customer, customer_district, customer_warehouse, d, w.clone()];
    let what = vec![datetime_text(stamp.epoch_us).into(), amount.clone(), data.into()];
    work.write(&INSERT_HISTORY, [key, whom, what].concat(), 1).await?;
    work.write(&PAY_WAREHOUSE, vec![amount, w], 1).await?;

    Ok(End::Commit(Some(WriteKey::Payment {
        district: input.district,
        amount_cents: input.amount.0,
    })))
}

/// What [`find_customer`] executes.
pub(super) fn search(customer: Customer) -> Option<&'static Statement> {
    matches!(customer.selector, Selector::LastName(_)).then_some(&BY_LAST_NAME)
}

/// The customer's number. By last name it is the one at position n/2 rounded up of the n who have
/// the name, ordered by first name (clause 2.5.2.2).
pub(super) async fn find_customer(work: &mut Work<'_>, customer: Customer) -> Result<u32, Failure> {
    let name = match customer.selector {
        Selector::Id(id) => return Ok(id),
        Selector::LastName(name) => name,
    };
    let mut last = Vec::new();
    last_name(name, &mut last);
    let params = vec![customer.warehouse.into(), customer.district.into(), last.into()];
    let rows = work.rows(&BY_LAST_NAME, params).await?;
    match rows.get(middle(rows.len())) {
        Some(row) => cell(row, 0),
        None => Err(Failure::data(
            StatementKind::Read,
            format!(
                "nobody in warehouse {}, district {} has last name number {name}",
                customer.warehouse, customer.district
            ),
        )),
    }
}

/// Index of the row ⌈n/2⌉, counted from 1, of n rows.
fn middle(n: usize) -> usize {
    n.div_ceil(2).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_rounded_up() {
        let cases = [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 2)];
        assert!(cases.iter().all(|(n, index)| middle(*n) == *index));
    }
}
