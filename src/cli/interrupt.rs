//! Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends at once.

use tokio_util::sync::CancellationToken;

/// Two levels of stopping, handed to whatever runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt {
    /// Come to an orderly end: finish the step in hand, drain, write what is known.
    pub(super) orderly: CancellationToken,
    /// Let go of everything now.
    pub(super) now: CancellationToken,
}

impl Interrupt {
    /// Listens for the rest of the process's life.
    pub(super) fn listen() -> Self {
        let interrupt = Self::default();
        let told = interrupt.clone();
        tokio::spawn(async move {
            while !told.now.is_cancelled() && wait_for_signal().await.is_ok() {
                // Somebody else may have asked for the orderly end before.
                let next = if told.orderly.is_cancelled() { &told.now } else { &told.orderly };
                next.cancel();
            }
        });
        interrupt
    }
}

async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
