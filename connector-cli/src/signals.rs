//! Signals to this process, where it does something about them.

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

/// What ends a program unless it says otherwise: Ctrl-C, a service manager, a terminal that is closed.
pub(crate) const ENDS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// Signals that this process catches.
#[derive(Debug)]
pub(crate) struct Signals(Vec<(Signal, unix::Signal)>);

impl Signals {
    /// Catches these from now on. Who started this process with one of them ignored, as `nohup` does, wants nobody to
    /// mind it: that one stays ignored, here and in whatever is started later.
    ///
    /// # Errors
    /// When the system does not let one be caught.
    pub(crate) fn catch(signals: &[Signal]) -> std::io::Result<Self> {
        let ignored = ignored();
        let caught = signals.iter().filter(|it| !is_in(ignored, **it));
        let caught = caught.map(|it| Ok((*it, unix::signal(SignalKind::from_raw(it.as_raw()))?)));
        caught.collect::<std::io::Result<_>>().map(Self)
    }

    /// The next one that comes. What comes more than once before it is asked for is one.
    pub(crate) async fn next(&mut self) -> Signal {
        std::future::poll_fn(|cx| {
            let came =
                self.0.iter_mut().find_map(|(signal, it)| it.poll_recv(cx).is_ready().then_some(*signal));
            came.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        })
        .await
    }
}

/// The signals that this process was started with as ignored, a bit each. Only Linux tells.
fn ignored() -> u64 {
    let status =
        if cfg!(target_os = "linux") { std::fs::read_to_string("/proc/self/status") } else { return 0 };
    let mask = status.as_deref().ok().and_then(|it| it.lines().find_map(|line| line.strip_prefix("SigIgn:")));
    mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).unwrap_or(0)
}

fn is_in(mask: u64, signal: Signal) -> bool {
    u32::try_from(signal.as_raw() - 1).is_ok_and(|bit| mask.checked_shr(bit).is_some_and(|it| it & 1 == 1))
}

/// Whether Ctrl-C on the terminal reaches this process, and all that it runs there.
pub(crate) fn has_terminal() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    let front = terminal.ok().and_then(|it| rustix::termios::tcgetpgrp(it).ok());
    front == Some(rustix::process::getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_a_bit_for_each_signal() {
        // HUP is 1 and TERM is 15 everywhere.
        assert!(is_in(1, Signal::HUP) && is_in(1 << 14, Signal::TERM));
        assert!(!is_in(!1, Signal::HUP) && !is_in(0, Signal::TERM));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_this_process_ignores_is_read() {
        // Rust's own start of a program ignores it.
        assert!(is_in(ignored(), Signal::PIPE));
        assert!(!is_in(ignored(), Signal::TERM));
    }
}
