//! The socket in a run's directory, whatever the length of its path.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Its name in the run's directory. Gone when the run has ended.
pub const SOCKET: &str = "mark.sock";

/// Marks that may wait for their turn to be read.
const WAITING_MAX: i32 = 16;

/// A path to the socket that fits into an address, and what keeps it valid.
///
/// An address holds 108 bytes, and run directories lie deep. A longer path is gone through the open
/// directory instead.
pub(super) struct Place {
    pub(super) path: PathBuf,
    _dir: Option<File>,
}

impl Place {
    pub(super) fn of(dir: &Path) -> io::Result<Self> {
        let path = dir.join(SOCKET);
        if SocketAddrUnix::new(&path).is_ok() {
            return Ok(Self { path, _dir: None });
        }
        let open = File::open(dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", open.as_raw_fd()));
        Ok(Self { path, _dir: Some(open) })
    }
}

/// Makes the socket. It takes connections of its owner only: it has its permissions before anybody
/// can connect.
pub(super) fn listen(dir: &Path) -> io::Result<UnixListener> {
    let place = Place::of(dir)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(&place.path)?)?;
    std::fs::set_permissions(dir.join(SOCKET), Permissions::from_mode(0o600))?;
    rustix::net::listen(&socket, WAITING_MAX)?;
    Ok(socket.into())
}
