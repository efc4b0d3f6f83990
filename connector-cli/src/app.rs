//! What every command has at hand. Nothing of it is set up before a command asks for it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use connector_core::{Context, Error, Registry, Result, Secret};
use connector_store::{KeySource, Store};
use connectors::Hub;
use connectors::hub;
use connectors::system::{self, Timeouts};

use crate::args::GlobalArgs;
use crate::fast;
use crate::output::Output;
use crate::person::Terminal;
use crate::settings::Settings;
use crate::surroundings;

/// The program: how it prints, what it is set up with, and the way to the hub.
#[derive(Debug)]
pub(crate) struct App {
    /// How and where to print.
    pub(crate) output: Output,
    settings: Settings,
    timeout: Option<Duration>,
    mfa_code: Option<Secret>,
}

impl App {
    /// The program as it is set up, and as this command line wants it.
    ///
    /// # Errors
    /// Wrong settings.
    pub(crate) fn new(global: &GlobalArgs) -> Result<Self> {
        let settings = Settings::load()?;
        Ok(Self {
            output: Output::new(global.output.or(settings.output).unwrap_or_default()),
            timeout: global.timeout.or(settings.timeout),
            mfa_code: global.mfa_code.clone(),
            settings,
        })
    }

    /// What is compiled in: needs neither store nor runtime.
    ///
    /// # Errors
    /// Two different things under one id.
    pub(crate) fn registry(&self) -> Result<Registry> {
        connectors::registry()
    }

    /// What the program is set up with.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The directory of store, settings and cache.
    pub(crate) fn home(&self) -> &Path {
        &self.settings.home
    }

    /// How long one call to a provider may take, where somebody said so.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The time.
    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// For whom things are asked: the user of the operating system.
    pub(crate) fn caller(&self) -> String {
        surroundings::caller()
    }

    /// How to open the store itself, for what the hub does not do.
    ///
    /// # Errors
    /// Settings that contradict each other; a broker.
    pub(crate) fn store_options(&self) -> Result<connector_store::Options> {
        self.settings.check_local()?;
        let key = self.settings.key_source(true)?;
        self.warn_of_open_key(&key);
        Ok(connector_store::Options::new(self.home()).with_key(key))
    }

    /// Works with the store itself.
    ///
    /// # Errors
    /// Those of opening the store, and of the work.
    pub(crate) fn with_store<T>(&self, work: impl AsyncFnOnce(&Store) -> Result<T>) -> Result<T> {
        let options = self.store_options()?;
        self.block_on(async {
            let store = Store::open(options).await?;
            let done = work(&store).await;
            store.close().await;
            done
        })
    }

    /// Runs asynchronous work to its end.
    ///
    /// # Errors
    /// Those of the work.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::unexpected(format!("cannot start: {}", error.kind())))?;
        runtime.block_on(work)
    }

    /// Works with the hub; who sits at the terminal may be asked.
    ///
    /// # Errors
    /// Those of opening the store, and of the work.
    pub(crate) fn with_hub<T>(&self, work: impl AsyncFnOnce(&Hub) -> Result<T>) -> Result<T> {
        self.with_hub_while_asked(async |hub, _| work(hub).await)
    }

    /// Works with the hub; who sits at the terminal may be asked until they leave.
    ///
    /// # Errors
    /// As [`App::with_hub`].
    pub(crate) fn with_hub_while_asked<T>(
        &self,
        work: impl AsyncFnOnce(&Hub, &Terminal) -> Result<T>,
    ) -> Result<T> {
        let person = Terminal::with_code(self.mfa_code.clone());
        let mut context = self.context().with_person(person.clone());
        if self.timeout.is_none() {
            // Somebody may have to find a device, or to log in with a browser; each call is bounded by itself.
            context = context.with_deadline(Duration::from_secs(15 * 60));
        }
        self.open(context, true, async |hub| work(hub, &person).await)
    }

    /// Works with the hub for another program: nobody is asked.
    ///
    /// # Errors
    /// As [`App::with_hub`].
    pub(crate) fn with_hub_alone<T>(&self, work: impl AsyncFnOnce(&Hub) -> Result<T>) -> Result<T> {
        self.open(self.context(), false, work)
    }

    fn open<T>(
        &self,
        context: Context,
        attended: bool,
        work: impl AsyncFnOnce(&Hub) -> Result<T>,
    ) -> Result<T> {
        self.settings.check_local()?;
        let key = self.settings.key_source(attended)?;
        if attended {
            self.warn_of_open_key(&key);
        }
        let options = hub::Options::new(self.home()).with_key(key).with_context(context);
        self.block_on(async {
            let hub = Hub::open(options).await?;
            let done = work(&hub).await;
            if done.is_ok() {
                self.tell(&hub.news(), attended);
            }
            hub.store().close().await;
            done
        })
    }

    /// Says what goes wrong beside the answers that are given for long; never done.
    pub(crate) async fn tell_news(&self, hub: &Hub) -> std::convert::Infallible {
        loop {
            self.tell(&hub.news(), true);
            hub.noticed().await;
        }
    }

    /// Says what went wrong although the answer is good.
    fn tell(&self, notices: &[hub::Notice], attended: bool) {
        for notice in notices {
            match attended {
                true => self.output.notice(notice),
                // A helper's caller shows people what is on standard error.
                false => fast::warn(notice),
            }
        }
    }

    /// Says when others may read the master key.
    #[cfg(unix)]
    fn warn_of_open_key(&self, key: &KeySource) {
        use std::os::unix::fs::PermissionsExt;
        let KeySource::File(path) = key else { return };
        let mode = std::fs::metadata(path).map_or(0, |it| it.permissions().mode());
        if mode & 0o077 != 0 {
            let path = path.display();
            self.output.warn(&format!("others may read the master key: `chmod 600 {path}` keeps them out"));
        }
    }

    #[cfg(not(unix))]
    fn warn_of_open_key(&self, _: &KeySource) {}

    /// The real machine, as far as the settings show it to connectors.
    pub(crate) fn context(&self) -> Context {
        let mut timeouts = Timeouts::default();
        let mut deadline = Context::DEADLINE;
        if let Some(call) = self.timeout {
            timeouts.call = call;
            timeouts.connect = timeouts.connect.min(call);
            // An attempt is some calls and the pauses between them.
            deadline = call.saturating_mul(3);
        }
        let context = system::context_with(timeouts);
        #[cfg(feature = "http")]
        let context = context.with_http(crate::told::Told(system::SystemHttp::new(timeouts)));
        context.with_implicit(self.settings.implicit).with_caller(self.caller()).with_deadline(deadline)
    }
}
