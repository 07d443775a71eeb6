//! The dashboard at work: a thread that draws, and listens to the keys.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind};
use ratatui::prelude::CrosstermBackend;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::gate::{Frames, Gate};
use super::screen::{Screen, Style};

/// Distance of two frames: an open gap is seen to grow, and a dull terminal keeps up.
const FRAME: Duration = Duration::from_millis(250);
/// How long the thread may not notice that it is to end.
const NOTICE: Duration = Duration::from_millis(50);

/// The running dashboard. The terminal is given back when it ends or is dropped, and when anything
/// panics.
#[derive(Debug)]
pub struct Dashboard {
    gate: Arc<Gate>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Dashboard {
    /// Whether there is a terminal for it: standard error, in the foreground, not dumb.
    pub fn is_possible() -> bool {
        Gate::is_possible()
    }

    /// Takes the terminal over and shows `board` on it. A `q` that is confirmed cancels `stop`.
    ///
    /// # Errors
    /// When the terminal does not let its settings be changed.
    pub fn start(board: Board, stop: CancellationToken) -> io::Result<Self> {
        let gate = Gate::open()?;
        let ended = Arc::new(AtomicBool::new(false));
        let frames = Frames { gate: Arc::clone(&gate), frame: Vec::new() };
        let hands = Hands { stop, scrolled: 0, asking: false };
        let over = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            // A terminal that cannot be drawn on any longer is no reason to stop measuring.
            let _ = show(&board, frames, hands, &over);
        });
        Ok(Self { gate, ended, thread: Some(thread) })
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was said.
            let _ = thread.join();
        }
        self.gate.close();
    }
}

fn show(board: &Board, frames: Frames, mut hands: Hands, over: &AtomicBool) -> io::Result<()> {
    // https://no-color.org: set and not empty.
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // Not cleared: the other screen is empty, and ratatui would ask the terminal where its cursor
    // is, which not every terminal answers, with settings of its own meanwhile.
    let mut terminal = Terminal::new(CrosstermBackend::new(frames))?;
    while !over.load(Ordering::Relaxed) {
        let view = board.look();
        hands.scrolled = hands.scrolled.min(view.log.len());
        let screen = Screen {
            view: &view,
            style: Style { colours },
            scrolled: hands.scrolled,
            asking: hands.asking,
            ending: hands.stop.is_cancelled(),
        };
        terminal.draw(|frame| frame.render_widget(screen, frame.area()))?;
        let until = Instant::now() + FRAME;
        while Instant::now() < until && !over.load(Ordering::Relaxed) {
            match event::poll(NOTICE.min(until.saturating_duration_since(Instant::now()))) {
                Ok(false) => {}
                Ok(true) => {
                    match event::read() {
                        Ok(Event::Key(key)) => hands.press(key),
                        Ok(_) => {}
                        Err(_) => std::thread::sleep(NOTICE),
                    }
                    break;
                }
                // There is nothing to read keys from: it is watched all the same.
                Err(_) => std::thread::sleep(NOTICE),
            }
        }
    }
    Ok(())
}

/// What the keys have brought about.
struct Hands {
    stop: CancellationToken,
    scrolled: usize,
    asking: bool,
}

impl Hands {
    fn press(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        if std::mem::take(&mut self.asking) {
            if matches!(key.code, KeyCode::Char('y' | 'Y')) {
                self.stop.cancel();
            }
            return;
        }
        match key.code {
            KeyCode::Char('q' | 'Q') => self.asking = !self.stop.is_cancelled(),
            KeyCode::Up => self.scrolled += 1,
            KeyCode::Down => self.scrolled = self.scrolled.saturating_sub(1),
            KeyCode::PageUp => self.scrolled += 10,
            KeyCode::PageDown => self.scrolled = self.scrolled.saturating_sub(10),
            KeyCode::End => self.scrolled = 0,
            _ => {}
        }
    }
}
