//! The hub over a real store, with a small provider of its own, on a virtual clock.

mod acme;
#[cfg(feature = "agent")]
mod agent;
mod changing;
mod doctor;
mod doors;
mod issuing;
mod logins;
#[cfg(feature = "docker")]
mod passing;
mod registering;
mod renewing;
mod schedules;
mod strangers;
