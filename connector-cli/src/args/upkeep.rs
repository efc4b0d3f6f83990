//! Commands that look after the store, the cache and the audit.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use clap_complete::Shell;
use connector_core::parse_time;

/// Look after the store: status, another master key, copies
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector store status\n  \
    connector store rotate-key\n  \
    connector store backup connectors.backup")]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) action: StoreAction,
}

/// What to do with the store.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum StoreAction {
    /// Show where it lies, what is in it, where its key comes from, and whether it is sound
    Status,
    /// Seal everything under a new master key
    RotateKey(RotateKeyArgs),
    /// Write a copy to a new file; it holds no master key, which has to be kept apart from it
    Backup {
        /// The file to write; it must not exist
        file: PathBuf,
    },
    /// Put a copy in the place of the store
    Restore(RestoreArgs),
}

/// Where the new master key comes from; when nothing is said, from where the old one came.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector store rotate-key --keep-old old.key\n  \
    connector store rotate-key --to-passphrase\n\n\
    The old key is replaced for good. Copies that were made before need it: keep it with\n\
    `--keep-old FILE`, and restore them with CONNECTOR_MASTER_KEY_FILE=FILE.\n\
    A new passphrase is asked for, or taken from CONNECTOR_NEW_PASSPHRASE.")]
pub(crate) struct RotateKeyArgs {
    /// Make a new key in this file, mode 0600
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to_passphrase", "to_env", "to_keyring"])]
    pub(crate) to_file: Option<PathBuf>,
    /// Ask for a new passphrase, or take it from CONNECTOR_NEW_PASSPHRASE
    #[arg(long, conflicts_with_all = ["to_env", "to_keyring"])]
    pub(crate) to_passphrase: bool,
    /// Take the new key, 32 bytes in base64, from this environment variable
    #[arg(long, value_name = "NAME", conflicts_with = "to_keyring")]
    pub(crate) to_env: Option<String>,
    /// Keep a new key in the keyring of the operating system
    #[arg(long)]
    pub(crate) to_keyring: bool,
    /// Keep the old key in this new file: copies that were made before open with it only
    #[arg(long, value_name = "FILE")]
    pub(crate) keep_old: Option<PathBuf>,
}

/// Which copy to restore.
#[derive(Clone, Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The copy
    pub(crate) file: PathBuf,
    /// Replace connectors that are there now
    #[arg(long)]
    pub(crate) force: bool,
}

/// Look after the cache of issued credentials
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  connector cache clear")]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) action: CacheAction,
}

/// What to do with the cache.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Forget every cached credential; the next request fetches a new one
    Clear,
}

/// Show the audit: who got what, when, narrowed how; the newest first
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  \
    connector audit --limit 20\n  \
    connector audit --connector prod --action mint --since 2026-11-01T00:00:00Z -o json\n  \
    connector audit verify")]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) task: Option<AuditAction>,
    /// Only records about this connector
    #[arg(long, value_name = "NAME")]
    pub(crate) connector: Option<String>,
    /// Only records of this action, such as mint, register or delete
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// Only what this caller did
    #[arg(long)]
    pub(crate) caller: Option<String>,
    /// Only records from this time on
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) since: Option<SystemTime>,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) limit: u32,
}

/// What to do with the audit.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// Look for records that were changed, moved, put in or taken away since they were written
    ///
    /// Needs the master key. Ends with code 7 when something is found.
    Verify,
}

/// Print completions for a shell
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    connector completions bash > ~/.local/share/bash-completion/completions/connector\n  \
    connector completions zsh > ~/.zfunc/_connector\n  \
    connector completions fish > ~/.config/fish/completions/connector.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}
