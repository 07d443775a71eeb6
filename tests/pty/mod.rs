//! A real terminal for a program under test: a pseudo-terminal of 80 columns and 24 rows that this
//! process holds from both sides, so that nothing a program sends is lost when it ends, and what it
//! did to the settings can be read afterwards.
#![allow(dead_code, unreachable_pub, reason = "every test uses its own part of this")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

/// Sent once the program is gone: all before it is the program's.
const END: &[u8] = b"\x1b_end\x1b\\";

pub struct Pty {
    keyboard: File,
    terminal: OwnedFd,
    sent: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    patience: Duration,
}

impl Pty {
    /// What is waited for longer than `patience` fails the test.
    pub fn open(patience: Duration) -> Self {
        let keyboard =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).unwrap();
        let keyboard = File::from(keyboard);
        let mut screen = keyboard.try_clone().unwrap();
        let (to, sent) = mpsc::channel();
        // Ends with the test's process: this side holds the terminal open.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = screen.read(&mut bytes) {
                if to.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { keyboard, terminal, sent, seen: Vec::new(), patience }
    }

    /// Starts a program whose terminal this is, also in the kernel's eyes; none without `setsid`
    /// of util-linux.
    pub fn start(&self, program: &str, with: impl FnOnce(&mut Command)) -> Option<Child> {
        let mut command = Command::new("setsid");
        command.args(["--ctty", program]).env("TERM", "xterm-256color");
        command.stdin(self.terminal.try_clone().unwrap());
        command.stdout(self.terminal.try_clone().unwrap());
        command.stderr(self.terminal.try_clone().unwrap());
        with(&mut command);
        let child = command.spawn().ok();
        if child.is_none() {
            println!("there is no `setsid` to give a program a terminal");
        }
        child
    }

    /// All settings of the terminal, in words, to be compared.
    pub fn settings(&self) -> String {
        format!("{:?}", tcgetattr(&self.terminal).unwrap())
    }

    pub fn press(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).unwrap();
    }

    /// Waits until what was sent so far is `enough`, and gives it.
    pub fn wait_for(&mut self, enough: impl Fn(&[u8]) -> bool) -> String {
        let began = Instant::now();
        while !enough(&self.seen) {
            let left = self.patience.saturating_sub(began.elapsed());
            match self.sent.recv_timeout(left) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(_) => panic!("not within {:?}: {}", self.patience, self.end_of_seen()),
            }
        }
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits until the program has ended, and gives all that it sent.
    pub fn wait_for_end(&mut self, mut child: Child) -> String {
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > self.patience {
                child.kill().unwrap();
                child.wait().unwrap();
                self.seen.extend(self.sent.try_iter().flatten());
                panic!("no end within {:?}: {}", self.patience, self.end_of_seen());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        rustix::io::write(&self.terminal, END).unwrap();
        let all = self.wait_for(|seen| seen.ends_with(END));
        all[..all.len() - END.len()].to_owned()
    }

    /// A dashboard is drawn many times; how it ended tells most.
    fn end_of_seen(&self) -> String {
        let from = self.seen.len().saturating_sub(4_000);
        String::from_utf8_lossy(&self.seen[from..]).into_owned()
    }
}
