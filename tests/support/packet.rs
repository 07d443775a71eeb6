//! Packets, for what stands between a client and a server.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads one packet of the MySQL protocol, its head included.
pub async fn read_packet(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 4];
    from.read_exact(&mut packet).await?;
    let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]) as usize;
    packet.resize(4 + length, 0);
    from.read_exact(&mut packet[4..]).await?;
    Ok(packet)
}
