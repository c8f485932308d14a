//! Runs CI's script on a clone of the committed state.

use std::process::{Command, ExitCode, Stdio};

use crate::{Result, exit_code, root};

pub(crate) fn run() -> Result<ExitCode> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root()).args(arguments).output();
        output.map_err(|e| format!("cannot run git: {e}"))
    };
    let changes = git(&["status", "--porcelain"])?;
    if !changes.status.success() {
        return Err(String::from_utf8_lossy(&changes.stderr).trim().to_owned());
    }
    if !changes.stdout.is_empty() {
        eprintln!("warning: these changes are not committed, so they are not tested:");
        eprint!("{}", String::from_utf8_lossy(&changes.stdout));
    }
    let clone = std::env::temp_dir().join(format!("kiln-ci-{}", std::process::id()));
    let name = clone.to_str().ok_or("the temporary directory's name is not Unicode")?;
    let cloned = git(&["clone", "--quiet", ".", name])?;
    if !cloned.status.success() {
        return Err(format!("git clone failed: {}", String::from_utf8_lossy(&cloned.stderr).trim()));
    }
    eprintln!("Running .ci/run in {name}");
    let mut script = Command::new("bash");
    script.arg(".ci/run").current_dir(&clone).env("CI", "true").stdin(Stdio::null());
    // CI has the shared data beside its clone.
    let data = root().with_file_name("shared").join("data");
    if std::env::var_os("KILN_DATA").is_none() && data.is_dir() {
        script.env("KILN_DATA", data);
    }
    let status = script.status();
    std::fs::remove_dir_all(&clone).map_err(|e| format!("cannot remove {name}: {e}"))?;
    Ok(exit_code(status.map_err(|e| format!("cannot run bash: {e}"))?))
}
