//! Downloads by the system's own tools: pip, npm, apt, curl. Nothing that is downloaded is run.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::catalogue::{Input, Package, Tool};
use super::error::{DataError, at};

/// No single file of the catalogue is larger than this.
const LARGEST: u64 = 1 << 30;

/// Words by which the tools say that they did not reach the network.
const OFFLINE: [&str; 14] = [
    "name resolution",
    "Temporary failure resolving",
    "Could not resolve",
    "Failed to resolve",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "ENETUNREACH",
    "Network is unreachable",
    "Connection refused",
    "Could not connect",
    "Failed to connect",
    "timed out",
];

fn command(program: &str, search_path: Option<&OsString>) -> Command {
    let mut command = Command::new(program);
    if let Some(path) = search_path {
        command.env("PATH", path);
    }
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}

fn run(command: &mut Command, tool: &'static str, wanted: &str) -> Result<(), DataError> {
    let output = command.output().map_err(|error| not_started(error, tool, command))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if stderr.contains("No module named pip") {
        return Err(missing_tool(tool));
    }
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut said = lines[lines.len().saturating_sub(4)..].join("\n  ");
    if OFFLINE.iter().any(|words| stderr.contains(words)) {
        return Err(DataError::Offline { tool, wanted: wanted.to_string(), said });
    }
    if tool == "apt-get" {
        said += "\n  (the version is Debian 12's; its package lists come by `apt-get update`)";
    }
    Err(DataError::ToolFailed { tool, wanted: wanted.to_string(), status: output.status.to_string(), said })
}

fn not_started(error: io::Error, tool: &'static str, command: &Command) -> DataError {
    if error.kind() == io::ErrorKind::NotFound {
        return missing_tool(tool);
    }
    DataError::Io { path: PathBuf::from(command.get_program()), source: error }
}

fn missing_tool(tool: &'static str) -> DataError {
    let install = match tool {
        "pip" => "install Python 3 with pip (Debian: apt-get install python3-pip)",
        "npm" => "install Node's npm (Debian: apt-get install npm)",
        "curl" => "install curl (Debian: apt-get install curl)",
        _ => "it comes with Debian and its descendants and with no other system",
    };
    DataError::ToolMissing { tool, install }
}

/// Downloads the archive of a package into the (new, empty) folder `into` and gives its path there.
pub(super) fn download(
    package: &Package,
    into: &Path,
    path: Option<&OsString>,
) -> Result<PathBuf, DataError> {
    let wanted = format!("{} {}", package.name, package.version);
    match package.tool {
        Tool::Pip => {
            let requirements = into.join("requirements.txt");
            let hash =
                package.archive_sha256.map(|hash| format!(" --hash=sha256:{hash}")).unwrap_or_default();
            fs::write(&requirements, format!("{}=={}{hash}\n", package.name, package.version))
                .map_err(at(&requirements))?;
            let mut pip = command("python3", path);
            pip.args([
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--no-input",
                "--quiet",
            ]);
            pip.args(["--disable-pip-version-check", "--retries", "2", "--timeout", "20"]);
            if package.archive_sha256.is_some() {
                pip.arg("--require-hashes");
            }
            run(pip.arg("--dest").arg(into).arg("--requirement").arg(&requirements), "pip", &wanted)?;
        }
        Tool::Npm => {
            let mut npm = command("npm", path);
            npm.args(["pack", "--silent", "--ignore-scripts", "--fetch-retries=1", "--loglevel=error"]);
            run(npm.arg(format!("{}@{}", package.name, package.version)).current_dir(into), "npm", &wanted)?;
        }
        Tool::Apt => {
            let mut apt = command("apt-get", path);
            let file = format!("{}={}", package.name, package.version);
            run(apt.args(["download", "--quiet"]).arg(file).current_dir(into), "apt-get", &wanted)?;
        }
    }
    let extension = package.tool.extension();
    let entries = fs::read_dir(into).map_err(at(into))?.collect::<Result<Vec<_>, _>>().map_err(at(into))?;
    let archive =
        entries.iter().map(fs::DirEntry::path).find(|file| file.extension().is_some_and(|e| e == extension));
    archive.ok_or_else(|| DataError::ToolFailed {
        tool: package.tool.program(),
        wanted,
        status: "success".into(),
        said: format!("but it left no .{extension} file"),
    })
}

/// Downloads `url` to `into`, going on where an earlier try stopped.
pub(super) fn download_url(url: &str, into: &Path, path: Option<&OsString>) -> Result<(), DataError> {
    let mut curl = command("curl", path);
    curl.args([
        "--fail",
        "--location",
        "--silent",
        "--show-error",
        "--retry",
        "2",
        "--connect-timeout",
        "20",
    ]);
    run(curl.args(["--continue-at", "-", "--output"]).arg(into).arg(url), "curl", url)
}

/// The named files of an archive, in the order of `inputs`; nothing else is unpacked and nothing is written
/// to disk.
pub(super) fn unpack(
    tool: Tool,
    archive: &Path,
    inputs: &[Input],
    path: Option<&OsString>,
) -> Result<Vec<Vec<u8>>, DataError> {
    match tool {
        Tool::Pip => {
            let file = File::open(archive).map_err(at(archive))?;
            let mut zip = zip::ZipArchive::new(file).map_err(|error| broken(archive, error))?;
            let mut contents = Vec::new();
            for input in inputs {
                let entry = zip
                    .by_name(input.from)
                    .map_err(|error| broken(archive, format!("{}: {error}", input.from)))?;
                contents
                    .push(read(entry).map_err(|error| broken(archive, format!("{}: {error}", input.from)))?);
            }
            Ok(contents)
        }
        Tool::Npm => {
            let file = File::open(archive).map_err(at(archive))?;
            unpack_tar(flate2::read::MultiGzDecoder::new(file), archive, inputs)
        }
        Tool::Apt => {
            let mut dpkg = command("dpkg", path);
            dpkg.arg("--fsys-tarfile").arg(archive).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = dpkg.spawn().map_err(|error| not_started(error, "dpkg", &dpkg))?;
            let stdout = child.stdout.take().expect("the pipe was asked for two lines above");
            let contents = unpack_tar(stdout, archive, inputs);
            // dpkg may end by a closed pipe once every named file is out, so its status says nothing.
            child.wait().map_err(at(archive))?;
            contents
        }
    }
}

fn unpack_tar(reader: impl Read, archive: &Path, inputs: &[Input]) -> Result<Vec<Vec<u8>>, DataError> {
    let mut contents: Vec<Option<Vec<u8>>> = vec![None; inputs.len()];
    let mut tar = tar::Archive::new(reader);
    for entry in tar.entries().map_err(|error| broken(archive, error))? {
        let entry = entry.map_err(|error| broken(archive, error))?;
        let name = entry.path().map_err(|error| broken(archive, error))?.into_owned();
        let name = name.strip_prefix(".").unwrap_or(&name);
        if let Some(index) = inputs.iter().position(|input| Path::new(input.from) == name) {
            contents[index] = Some(read(entry).map_err(|error| broken(archive, error))?);
            if contents.iter().all(Option::is_some) {
                break;
            }
        }
    }
    let named = inputs.iter().zip(contents);
    named
        .map(|(input, bytes)| bytes.ok_or_else(|| broken(archive, format!("no file {} in it", input.from))))
        .collect()
}

fn read(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn broken(archive: &Path, reason: impl std::fmt::Display) -> DataError {
    DataError::Archive { path: archive.to_path_buf(), reason: format!("{reason}") }
}
