//! Packets of the MySQL protocol, as a server sends and reads them.

use std::io;

use mysql_common::constants::{ColumnFlags, ColumnType, StatusFlags};
use mysql_common::io::{BufMutExt, ParseBuf};
use mysql_common::packets::Column;
use mysql_common::proto::MySerialize;
use mysql_common::value::{BinValue, ValueDeserializer};
use rollproof::session::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::script::{Answer, Rows};

/// Reads one packet; `None` at an orderly end between two packets.
pub(super) async fn read_packet(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut head = [0; 4];
    if from.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..]).await?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
    assert!(length < 0xff_ffff, "the scripted server takes statements under 16 MiB");
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).await?;
    Ok(Some((head[3], payload)))
}

/// Puts the packets' heads on, numbering on from `sequence`. One element a packet.
pub(super) fn framed(sequence: u8, payloads: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let numbered = payloads.into_iter().zip(0u8..=255).map(|(payload, index)| {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        let mut packet = vec![length[0], length[1], length[2], sequence.wrapping_add(index)];
        packet.extend(payload);
        packet
    });
    numbered.collect()
}

pub(super) fn serialized(packet: &impl MySerialize) -> Vec<u8> {
    let mut payload = Vec::new();
    packet.serialize(&mut payload);
    payload
}

/// The payloads of an answer to a statement.
pub(super) fn answer(answer: &Answer, binary: bool, status: StatusFlags) -> Vec<Vec<u8>> {
    match answer {
        Answer::Ok { affected, warnings } => vec![ok_with(*affected, *warnings, status)],
        Answer::AfterFile(answer) => self::answer(answer, binary, status),
        Answer::Error { errno, sqlstate, message } => vec![error(*errno, sqlstate, message)],
        Answer::Rows(rows) => result_set(rows, binary, status),
    }
}

pub(super) fn ok(affected: u64) -> Vec<u8> {
    ok_with(affected, 0, StatusFlags::SERVER_STATUS_AUTOCOMMIT)
}

fn ok_with(affected: u64, warnings: u16, status: StatusFlags) -> Vec<u8> {
    let mut payload = vec![0x00];
    payload.put_lenenc_int(affected);
    payload.put_lenenc_int(0);
    payload.extend(status.bits().to_le_bytes());
    payload.extend(warnings.to_le_bytes());
    payload
}

pub(super) fn error(errno: u16, sqlstate: &str, message: &str) -> Vec<u8> {
    let mut payload = vec![0xff];
    payload.extend(errno.to_le_bytes());
    payload.push(b'#');
    payload.extend(sqlstate.as_bytes());
    payload.extend(message.as_bytes());
    payload
}

/// Asks for the client's local file of this name.
pub(super) fn ask_for_file(name: &str) -> Vec<u8> {
    [&[0xfb], name.as_bytes()].concat()
}

/// Before the handshake is over an error carries no SQLSTATE.
pub(super) fn early_error(errno: u16, message: &str) -> Vec<u8> {
    [&[0xff][..], &errno.to_le_bytes(), message.as_bytes()].concat()
}

fn end_of_packets(status: StatusFlags) -> Vec<u8> {
    [&[0xfe, 0, 0][..], &status.bits().to_le_bytes()].concat()
}

/// The answer to COM_STMT_PREPARE. Columns are described when the statement is executed.
pub(super) fn prepared(id: u32, params: u16) -> Vec<Vec<u8>> {
    let mut head = vec![0x00];
    head.extend(id.to_le_bytes());
    head.extend(0u16.to_le_bytes());
    head.extend(params.to_le_bytes());
    head.extend([0, 0, 0]);
    let mut packets = vec![head];
    if params > 0 {
        let param = Column::new(ColumnType::MYSQL_TYPE_VAR_STRING).with_name(b"?");
        packets.extend((0..params).map(|_| serialized(&param)));
        packets.push(end_of_packets(StatusFlags::SERVER_STATUS_AUTOCOMMIT));
    }
    packets
}

fn result_set(rows: &Rows, binary: bool, status: StatusFlags) -> Vec<Vec<u8>> {
    let mut head = Vec::new();
    head.put_lenenc_int(rows.columns.len() as u64);
    let mut packets = vec![head];
    for (index, name) in rows.columns.iter().enumerate() {
        let value = rows.rows.iter().map(|row| &row[index]).find(|value| **value != Value::NULL);
        let (column_type, flags) = type_of(value);
        let column = Column::new(column_type).with_name(name.as_bytes()).with_flags(flags);
        packets.push(serialized(&column));
    }
    packets.push(end_of_packets(status));
    packets
        .extend(rows.rows.iter().map(|row| if binary { binary_row(row) } else { text_row(row) }));
    packets.push(end_of_packets(status));
    packets
}

fn type_of(value: Option<&Value>) -> (ColumnType, ColumnFlags) {
    let none = ColumnFlags::empty();
    match value {
        Some(Value::Int(_)) => (ColumnType::MYSQL_TYPE_LONGLONG, none),
        Some(Value::UInt(_)) => (ColumnType::MYSQL_TYPE_LONGLONG, ColumnFlags::UNSIGNED_FLAG),
        Some(Value::Float(_)) => (ColumnType::MYSQL_TYPE_FLOAT, none),
        Some(Value::Double(_)) => (ColumnType::MYSQL_TYPE_DOUBLE, none),
        Some(Value::Date(..)) => (ColumnType::MYSQL_TYPE_DATETIME, none),
        Some(Value::Time(..)) => (ColumnType::MYSQL_TYPE_TIME, none),
        Some(Value::Bytes(_) | Value::NULL) | None => (ColumnType::MYSQL_TYPE_VAR_STRING, none),
    }
}

fn text_row(row: &[Value]) -> Vec<u8> {
    let mut payload = Vec::new();
    for value in row {
        match value {
            Value::NULL => payload.push(0xfb),
            Value::Bytes(bytes) => payload.put_lenenc_str(bytes),
            // Quotes are for SQL text only.
            other => payload.put_lenenc_str(other.as_sql(true).trim_matches('\'').as_bytes()),
        }
    }
    payload
}

fn binary_row(row: &[Value]) -> Vec<u8> {
    let mut nulls = vec![0; (row.len() + 2).div_ceil(8)];
    let mut values = Vec::new();
    for (index, value) in row.iter().enumerate() {
        if *value == Value::NULL {
            nulls[(index + 2) / 8] |= 1 << ((index + 2) % 8);
        }
        value.serialize(&mut values);
    }
    [vec![0x00], nulls, values].concat()
}

/// The parameters of a COM_STMT_EXECUTE, whose statement has `count` of them.
pub(super) fn execute_params(payload: &[u8], count: usize) -> io::Result<Vec<Value>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    // Command, statement, flags and iteration count come first.
    let body = payload.get(10..).unwrap_or_default();
    let (nulls, body) = body.split_at(count.div_ceil(8));
    let (bound, body) = body.split_first().ok_or(io::ErrorKind::UnexpectedEof)?;
    assert_eq!(*bound, 1, "the driver sends its parameters' types every time");
    let (types, body) = body.split_at(2 * count);
    let mut body = ParseBuf(body);
    let param = |index: usize| {
        if nulls[index / 8] & (1 << (index % 8)) != 0 {
            return Ok(Value::NULL);
        }
        let column_type = ColumnType::try_from(types[2 * index]).map_err(io::Error::other)?;
        let unsigned = types[2 * index + 1] & 0x80 != 0;
        let flags = if unsigned { ColumnFlags::UNSIGNED_FLAG } else { ColumnFlags::empty() };
        body.parse::<ValueDeserializer<BinValue>>((column_type, flags)).map(|value| value.0)
    };
    (0..count).map(param).collect()
}
