//! Where the workspace, its build output and the installed tools are.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies one level deep").to_owned()
}

/// The build folder: `CARGO_TARGET_DIR`, else `target` in the workspace.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => workspace().join(dir),
        None => workspace().join("target"),
    }
}

/// The folder that installed tools live in.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// The built `connector` program: `CONNECTOR_BIN`, else beside the running test, else in the build folder's
/// `debug`. The file need not exist.
pub fn connector() -> PathBuf {
    if let Some(path) = std::env::var_os("CONNECTOR_BIN") {
        return path.into();
    }
    let name = format!("connector{}", std::env::consts::EXE_SUFFIX);
    let running = std::env::current_exe().unwrap_or_default();
    running
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join(&name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| target().join("debug").join(name))
}
