//! Running cargo and other programs.

use std::process::Command;

/// What a command of ours answers; the text says what failed.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The cargo that runs us, in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(connector_tests::paths::workspace());
    // These describe this package to us, and would describe it to every program below.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command whose output is the user's to see.
pub(crate) fn run(command: &mut Command) -> Result {
    let line = shown(command);
    println!("$ {line}");
    let status = command.status().map_err(|error| format!("`{line}` cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status})")) }
}

/// Runs a command for its standard output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output = command.output().map_err(|error| format!("`{line}` cannot be started: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        return Err(format!("`{line}` failed ({}):\n{text}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{line}` printed something else than text"))
}

/// The command line as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=,@+%".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) { word.to_owned() } else { format!("'{word}'") }
}
