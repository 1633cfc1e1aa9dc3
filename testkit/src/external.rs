//! Programs of others that tests need: Python packages and Node modules, installed once and kept.
//!
//! Where they are not and cannot be installed, a test is skipped with the reason; with `CI=true` it fails. Only what a
//! machine does not allow is skipped there too.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a test that needs a program of others cannot run here.
#[derive(Debug)]
pub struct Skip {
    reason: String,
    is_for_want_of_rights: bool,
}

impl Skip {
    /// Tells it and goes on.
    ///
    /// # Panics
    /// With `CI=true`, where no program may be missing.
    pub fn tell(self) {
        let Self { reason, is_for_want_of_rights } = self;
        assert!(is_for_want_of_rights || std::env::var("CI").as_deref() != Ok("true"), "{reason}");
        eprintln!("skipped: {reason}");
    }

    /// For a program that cannot be had.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_for_want_of_rights: false }
    }

    /// For what this machine does not let us do.
    pub fn not_allowed(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_for_want_of_rights: true }
    }
}

/// The Python of a virtual environment with the packages of `testkit/requirements.txt`: `$OBSERVATORY_TEST_VENV`, or one
/// under `folder` that is made if need be.
pub fn python(folder: &Path) -> Result<PathBuf, Skip> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let venv = std::env::var_os("OBSERVATORY_TEST_VENV").map_or_else(|| folder.join("venv"), PathBuf::from);
    let python = venv.join("bin/python");
    installed(folder, "venv", &requirements, &venv, || {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements))
    })?;
    Ok(python)
}

/// A folder with the scripts of `source` and the Node modules that its lock file names.
pub fn node_folder(folder: &Path, source: &Path) -> Result<PathBuf, Skip> {
    let modules = folder.join("js");
    let lock = source.join("package-lock.json");
    fs::create_dir_all(&modules).map_err(|cause| Skip::missing(format!("{}: {cause}", modules.display())))?;
    for entry in fs::read_dir(source).into_iter().flatten().flatten().filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), modules.join(entry.file_name())).map_err(|cause| Skip::missing(cause.to_string()))?;
    }
    installed(folder, "js", &lock, &modules.join("node_modules"), || {
        run(Command::new("npm").args(["ci", "--no-fund", "--no-audit", "--ignore-scripts"]).current_dir(&modules))
    })?;
    Ok(modules)
}

/// Installs unless `list` is what was installed last. One test at a time: others of the same run wait.
fn installed(
    folder: &Path,
    name: &str,
    list: &Path,
    place: &Path,
    install: impl FnOnce() -> Result<(), Skip>,
) -> Result<(), Skip> {
    let broken = |cause: std::io::Error| Skip::missing(format!("{}: {cause}", folder.display()));
    fs::create_dir_all(folder).map_err(broken)?;
    let lock = File::create(folder.join(format!("{name}.lock"))).map_err(broken)?;
    lock.lock().map_err(broken)?;
    let (wanted, marker) = (fs::read(list).map_err(broken)?, place.join("installed-from"));
    if fs::read(&marker).is_ok_and(|known| known == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(&marker, wanted).map_err(broken)
}

fn run(command: &mut Command) -> Result<(), Skip> {
    let output = command.output().map_err(|cause| Skip::missing(format!("{command:?}: {cause}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Skip::missing(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))))
}
