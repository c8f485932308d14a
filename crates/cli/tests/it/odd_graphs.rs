//! Every file of `odd-graphs` is read, or refused with words that say what to do.

use crate::{data, kiln};

/// What is asked of a file, and the exit status and the words that are expected on either output.
struct Case {
    file: &'static str,
    more: &'static [&'static str],
    seed: &'static str,
    status: &'static [i32],
    words: &'static [&'static str],
}

const fn case(file: &'static str, seed: &'static str) -> Case {
    Case { file, more: &[], seed, status: &[0, 1], words: &[] }
}

const CASES: &[Case] = &[
    case("strings.csv", "alice"),
    case("string_tsv.tsv", "MDM2"),
    case("quoted.csv", "0"),
    case("header.csv", "1"),
    case("header_w.csv", "1"),
    case("gephi_edges.csv", "1"),
    case("nx_edgelist.txt", "1"),
    case("nx_edgelist_w.txt", "1"),
    case("konect.txt", "2"),
    case("snapids.txt", "8830000"),
    case("hugeid.txt", "4294967295"),
    case("nx_intfloat.graphml", "b"),
    case("p.net", "1"),
    case("metis.graph", "2"),
    case("unsigned.mtx", "4"),
    case("bip_rect.mtx", "r1"),
    Case { words: &["time"], ..case("timestamps.txt", "1") },
    Case { words: &["note: "], ..case("fourcols.txt", "1") },
    Case { status: &[2], words: &["asym.smat", "--symmetrize sum"], ..case("asym.smat", "0") },
    Case { more: &["--symmetrize", "max"], ..case("asym.smat", "0") },
    Case {
        status: &[2],
        words: &["cytoscape-export.graphml", "-0.5"],
        ..case("cytoscape-export.graphml", "1")
    },
    Case { status: &[0, 1, 2], ..case("a.npz", "0") },
    Case { status: &[0], words: &["cluster of 0"], ..case("karate.gml", "0") },
];

#[test]
fn every_file_works_or_says_what_to_do() {
    let Some(folder) = data("odd-graphs") else { return };
    let mut tried: Vec<_> = CASES.iter().map(|case| case.file.to_owned()).collect();
    for Case { file, more, seed, status, words } in CASES {
        let arguments: Vec<_> =
            ["cluster", file, "--seed", seed].iter().chain(more.iter()).copied().collect();
        let ran = kiln(&folder, &arguments);
        assert!(status.contains(&ran.status), "{file}: {}{}", ran.out, ran.err);
        if ran.status == 2 {
            assert!(ran.err.contains(file), "{file}: {}", ran.err);
        } else {
            assert!(ran.out.contains(seed), "{file}: {}", ran.out);
        }
        for word in *words {
            assert!(
                format!("{}{}", ran.out, ran.err).contains(word),
                "{file}: {word}: {}{}",
                ran.out,
                ran.err
            );
        }
    }
    tried.sort_unstable();
    tried.dedup();
    let mut present: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    present.sort_unstable();
    assert_eq!(tried, present);
}
