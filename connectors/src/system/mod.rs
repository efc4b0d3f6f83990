//! The ports of [`Context`] over the real machine. The only place below the
//! program where clock, environment, files, network and processes of the machine are touched.

mod commands;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod redirect;
#[cfg(feature = "http")]
mod resolve;
#[cfg(feature = "http")]
mod tls;

use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use connector_core::{Clock, Context, Environment, Error, Files, Result, async_trait};

pub use commands::SystemCommands;
#[cfg(feature = "http")]
pub use http::SystemHttp;
#[cfg(feature = "http")]
pub use redirect::listen;

/// A context over the real machine: its clock, environment, files, network and programs. Methods that use
/// the machine's own identity stay off until [`Context::with_implicit`] switches them on, and programs run
/// only for connectors that allow it.
#[must_use]
pub fn context() -> Context {
    context_with(Timeouts::default())
}

/// As [`context`], with other limits on the network.
#[must_use]
pub fn context_with(timeouts: Timeouts) -> Context {
    let context = Context::detached(SystemClock)
        .with_environment(SystemEnvironment)
        .with_files(SystemFiles)
        .with_commands(SystemCommands)
        .with_call_limit(timeouts.call);
    #[cfg(feature = "http")]
    let context = context.with_http(SystemHttp::new(timeouts));
    match host() {
        Some(host) => context.with_host(host),
        None => context,
    }
}

/// The machine's name.
fn host() -> Option<String> {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_str().ok().map(str::to_owned);
    #[cfg(not(unix))]
    let name = SystemEnvironment.var("COMPUTERNAME");
    name.filter(|it| !it.is_empty())
}

/// Limits on one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// From the start to the last byte of the answer, with all that is sent again for it.
    pub call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), call: Duration::from_secs(30) }
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this port is where the machine's clock comes in")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this port is where the machine's clock comes in")]
    fn passed(&self) -> Option<Duration> {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Some(START.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "this port is where waiting comes in")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The process's environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    #[expect(clippy::disallowed_methods, reason = "this port is where the environment comes in")]
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// The machine's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

impl Files for SystemFiles {
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let failed = |error: std::io::Error| {
            let shown = path.display();
            match error.kind() {
                std::io::ErrorKind::NotFound => Error::not_found(format!("no file {shown}")),
                kind => Error::invalid(format!("cannot read {shown}: {kind}")),
            }
        };
        let mut content = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(LARGEST + 1).read_to_end(&mut content).map_err(failed)?;
        if content.len() as u64 > LARGEST {
            return Err(Error::invalid(format!("{} is larger than 1 MiB", path.display())));
        }
        Ok(content)
    }
}
