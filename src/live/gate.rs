//! The terminal while the dashboard has it: taken over once, and given back however the run ends.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp,
    tcsetattr,
};

/// On Linux, what stands for "no such key".
const NO_KEY: u8 = 0;

/// Standard error as a terminal that is drawn on.
///
/// A frame is collected in memory and written out whole, with the lock held; once the gate is
/// closed nothing more gets out. No code that could panic runs under the lock, so that a panic
/// anywhere, the drawing included, can close the gate before it says its words.
#[derive(Debug)]
pub(super) struct Gate {
    /// The terminal's settings as they were; `None` once they are so again.
    before: Mutex<Option<Termios>>,
}

/// The gate that a panic closes.
static OPEN: Mutex<Weak<Gate>> = Mutex::new(Weak::new());
static HOOK: Once = Once::new();

impl Gate {
    /// Whether standard error is a terminal that can be drawn on and belongs to this process: one
    /// that runs in the background would be stopped when it changed the terminal's settings.
    pub(super) fn is_possible() -> bool {
        let stderr = io::stderr();
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let foreground =
            || tcgetpgrp(&stderr).is_ok_and(|group| group == rustix::process::getpgrp());
        stderr.is_terminal() && !dumb && foreground()
    }

    /// Takes the terminal over: another screen, no cursor, keys one by one and not shown. Ctrl-C
    /// remains a signal, to this process and to whatever it started; keys that would stop or abort
    /// it, and leave the terminal like this, do nothing.
    pub(super) fn open() -> io::Result<Arc<Self>> {
        let stderr = io::stderr();
        let before = tcgetattr(&stderr)?;
        let mut mine = before.clone();
        mine.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        mine.input_modes -= InputModes::IXON;
        for key in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
            mine.special_codes[key] = NO_KEY;
        }
        mine.special_codes[SpecialCodeIndex::VMIN] = 1;
        mine.special_codes[SpecialCodeIndex::VTIME] = 0;
        let gate = Arc::new(Self { before: Mutex::new(Some(before)) });
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&gate);
        HOOK.call_once(close_on_panic);
        tcsetattr(&stderr, OptionalActions::Drain, &mine)?;
        execute!(stderr.lock(), EnterAlternateScreen, Hide)?;
        Ok(gate)
    }

    /// Gives the terminal back; only the first call does anything.
    pub(super) fn close(&self) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(settings) = before.take() {
            let stderr = io::stderr();
            // A terminal that is gone needs nothing.
            let _ = execute!(stderr.lock(), Show, LeaveAlternateScreen);
            let _ = tcsetattr(&stderr, OptionalActions::Drain, &settings);
        }
    }

    fn write(&self, frame: &[u8]) -> io::Result<()> {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        match *before {
            Some(_) => io::stderr().lock().write_all(frame),
            None => Ok(()),
        }
    }
}

fn close_on_panic() {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        if let Some(gate) = open {
            gate.close();
        }
        say(panic);
    }));
}

/// Collects a frame and lets it through the gate when it is whole.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) gate: Arc<Gate>,
    pub(super) frame: Vec<u8>,
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let frame = std::mem::take(&mut self.frame);
        self.gate.write(&frame)
    }
}
