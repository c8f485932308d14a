use std::fs;
use std::io::Read;

use kiln_datasets::{DataPath, FileCheck, LicenceTerms, Route, list, open, select, table};
use kiln_tests::data_with;

use super::sha256;

#[test]
fn earlier_folders_win_and_the_route_says_which() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (folder, text) in [(&first, "one"), (&second, "two")] {
        fs::create_dir(folder.path().join("graph")).unwrap();
        fs::write(folder.path().join("graph/both.edges"), text).unwrap();
    }
    fs::write(second.path().join("graph/late.edges"), "late").unwrap();
    let path = DataPath::of_folders(vec![
        (Route::Shared, first.path().to_path_buf()),
        (Route::Cache, second.path().to_path_buf()),
    ]);
    let both = path.find("graph/both.edges").unwrap();
    assert_eq!(both.route, Route::Shared);
    assert_eq!(both.read().unwrap(), b"one");
    assert_eq!(both.sha256, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    assert_eq!(path.find("graph/late.edges").unwrap().route, Route::Cache);
}

#[test]
fn an_explicit_folder_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("graph-labelled")).unwrap();
    fs::write(folder.path().join("graph-labelled/karate.edges.tsv"), "0\t1\n").unwrap();
    let found = DataPath::new(Some(folder.path().into())).find("graph-labelled/karate.edges.tsv").unwrap();
    assert_eq!((found.route, found.read().unwrap()), (Route::Explicit, b"0\t1\n".to_vec()));
}

#[test]
fn a_folder_is_hashed_over_its_sorted_files() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("set/inner")).unwrap();
    fs::write(root.path().join("set/inner/a"), "one").unwrap();
    fs::write(root.path().join("set/b"), "two").unwrap();
    let path = DataPath::of_folders(vec![(Route::Cache, root.path().into())]);
    // printf of the two lines of `sha256sum b inner/a`, through sha256sum.
    let expected = "faa7d1ef73bae638c0d153a32afa2d62a32b13f148d6666cfc39d8e902051572";
    let before = path.find("set").unwrap().sha256;
    assert_eq!(before, expected);
    fs::write(root.path().join("set/b"), "three").unwrap();
    assert_ne!(path.find("set").unwrap().sha256, before);
}

#[test]
fn the_embedded_sets_are_the_ones_of_the_catalogue() {
    let path = DataPath::of_folders(vec![]);
    for name in [
        "digits/optdigits",
        "domains/breast-cancer-wisconsin",
        "graph-labelled/karate",
        "graph-labelled/football",
    ] {
        let set = select(name)[0];
        assert_eq!(set.terms, LicenceTerms::Free);
        for output in set.package.unwrap().recipe.outputs {
            let found = path.find(output.path).unwrap();
            assert_eq!((found.route, &found.path), (Route::Embedded, &None));
            let (mut bytes, expected) = match output.check {
                FileCheck::File(expected) => (found.read().unwrap(), expected),
                FileCheck::Gunzipped(expected) => (Vec::new(), expected),
                FileCheck::Unpinned => panic!("{} is not pinned", output.path),
            };
            if bytes.is_empty() {
                open(&found).unwrap().read_to_end(&mut bytes).unwrap();
            }
            assert_eq!(sha256(&bytes), expected, "{}", output.path);
        }
    }
    let mut text = String::new();
    let karate = path.find("graph-labelled/karate.edges.tsv").unwrap();
    open(&karate).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 78);
}

#[test]
fn missing_data_say_how_to_get_them() {
    let nowhere = tempfile::tempdir().unwrap();
    let path = DataPath::of_folders(vec![(Route::Explicit, nowhere.path().join("typo"))]);
    let hint = |name: &str| path.find(name).unwrap_err().hint;
    assert!(
        hint("graph-labelled/polblogs.edges.tsv").contains("`cargo xtask data get graph-labelled/polblogs`")
    );
    assert!(hint("graph/sfld.edges").contains("`cargo xtask data get graph/sfld --original`"));
    assert!(hint("digits/usps-test-labels.idx1-ubyte.gz").contains("usps.t.bz2"));
    assert!(hint("made/up.tsv").contains("not in the catalogue"));
    assert!(hint("made/up.tsv").contains("no such folder"));
}

#[test]
fn names_cannot_leave_the_folder() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("secret"), "s").unwrap();
    fs::create_dir(root.path().join("data")).unwrap();
    let path = DataPath::of_folders(vec![(Route::Explicit, root.path().join("data"))]);
    let absolute = root.path().join("secret").display().to_string();
    for name in ["../secret", "", ".", absolute.as_str()] {
        assert!(path.find(name).is_err(), "{name}");
    }
}

#[test]
fn gzip_is_undone_by_open_and_left_by_read() {
    use std::io::Write;
    let root = tempfile::tempdir().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"0\t1\n").unwrap();
    let bytes = gzip.finish().unwrap();
    fs::write(root.path().join("a.tsv.gz"), &bytes).unwrap();
    fs::write(root.path().join("cut.tsv.gz"), &bytes[..bytes.len() - 4]).unwrap();
    let path = DataPath::of_folders(vec![(Route::Cache, root.path().into())]);
    let found = path.find("a.tsv.gz").unwrap();
    let mut text = String::new();
    open(&found).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((found.read().unwrap(), text.as_str()), (bytes, "0\t1\n"));
    assert!(open(&path.find("cut.tsv.gz").unwrap()).is_err());
}

#[test]
fn the_catalogue_is_consistent() {
    let mut names: Vec<_> = list().map(|set| set.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "a name is given twice");
    for set in list() {
        let routes = set.package.iter().map(|package| &package.recipe).chain(match &set.original {
            kiln_datasets::Original::Fetch(recipe) => Some(recipe),
            _ => None,
        });
        for recipe in routes {
            let is_pinned = |check| check != FileCheck::Unpinned;
            let archive = set.package.is_some_and(|package| package.archive_sha256.is_some());
            let inputs = recipe.inputs.iter().all(|input| is_pinned(input.check));
            let outputs = recipe.outputs.iter().all(|output| is_pinned(output.check));
            assert!(archive || inputs || outputs, "{} is not pinned", set.name);
            assert!(
                recipe
                    .outputs
                    .iter()
                    .all(|output| output.path.starts_with(set.name.split('/').next().unwrap()))
            );
        }
    }
    let text = table(&DataPath::of_folders(vec![])).to_string();
    assert!(list().all(|set| text.contains(set.name)));
    assert!(text.contains("embedded") && text.contains("missing"));
    assert_eq!(select("graph").len(), 4);
    assert_eq!(select("graph/sfld.edges")[0].name, "graph/sfld");
    assert!(select("nothing").is_empty());
    for (short, name) in [("minilm", "models/minilm"), ("smollm2", "models/smollm2"), ("sst2", "text/sst2")] {
        assert_eq!(select(short).iter().map(|set| set.name).collect::<Vec<_>>(), [name]);
    }
    assert_eq!(select("sfld").len(), 2, "every folder that has the name");
}

#[test]
fn every_file_of_the_catalogue_is_in_the_shared_folder_or_compiled_in() {
    let Some(folder) = data_with("graph") else { return };
    for file in list().flat_map(|set| set.files) {
        let compiled_in = DataPath::of_folders(vec![]).find(file).is_ok();
        assert!(compiled_in || folder.join(file).is_file(), "{file}");
    }
}
