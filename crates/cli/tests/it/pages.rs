//! Files that answers are written to.

use crate::{folder_with, friends, kiln, read};

#[test]
fn a_page_is_whole_in_itself() {
    let folder = friends();
    let ran = kiln(folder.path(), &["cluster", "friends.csv", "--seed", "alice", "--out", "alice.html"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("wrote alice.html"));
    let page = read(&folder, "alice.html");
    for part in
        ["<svg", "class=\"drawing\"", "kiln-plot", "Error bar", "prefers-color-scheme", "alice", "ivan"]
    {
        assert!(page.contains(part), "{part}");
    }
    // Nothing is loaded.
    for part in ["src=", "<link", "@import", "url("] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("kiln cluster friends.csv --seed alice --out alice.html"));
}

/// A page says how the cluster compares with those elsewhere.
#[test]
fn a_page_compares_with_clusters_elsewhere() {
    let folder = friends();
    let ran = kiln(
        folder.path(),
        &["cluster", "friends.csv", "--seed", "alice", "--out", "a.html", "a.json", "--print", "json"],
    );
    assert_eq!(ran.status, 0, "{}", ran.err);
    let page = read(&folder, "a.html");
    assert!(page.contains("Clearest of this size") && page.contains("none is clearer"), "{page}");
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let (ratio, least) = (&json["compared"]["ratio"], &json["compared"]["least"]);
    let product = ratio.as_f64().unwrap() * least.as_f64().unwrap();
    assert!((product - json["cluster"]["conductance"].as_f64().unwrap()).abs() < 1e-12);
    assert_eq!(json["compared"]["seeds"], 9);
}

/// What can be seen is seen, even if a file cannot be written.
#[test]
fn the_answer_is_printed_if_a_file_cannot_be_written() {
    let folder = friends();
    std::fs::create_dir(folder.path().join("a.svg")).unwrap();
    let ran = kiln(folder.path(), &["cluster", "friends.csv", "--seed", "alice", "--out", "a.svg"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("cannot write a.svg") && ran.out.contains("cluster of alice"), "{}", ran.err);
}

#[test]
fn the_same_question_gives_the_same_bytes() {
    let folder = friends();
    let pages = ["1", "2"].map(|threads| {
        let mut command = crate::command(
            folder.path(),
            &["cluster", "friends.csv", "--seed", "alice", "--out", "a.html", "a.svg", "a.graphml"],
        );
        assert!(command.env("RAYON_NUM_THREADS", threads).output().unwrap().status.success());
        ["a.html", "a.svg", "a.graphml"].map(|name| read(&folder, name))
    });
    assert_eq!(pages[0], pages[1]);
}

#[test]
fn names_cannot_break_a_page() {
    let name = "<script>alert('&\"')</script>";
    let rows = [("x", "y"), ("y", "z"), ("x", "z"), ("z", "w")];
    let text: Vec<_> = rows.iter().map(|(a, b)| format!("{name}{a}\t{name}{b}")).collect();
    let folder = folder_with("odd.tsv", &text.join("\n"));
    let seed = format!("{name}x");
    let arguments = [
        "cluster",
        "odd.tsv",
        "--separator",
        "tab",
        "--seed",
        &seed,
        "--out",
        "a.html",
        "a.graphml",
        "a.svg",
    ];
    let ran = kiln(folder.path(), &arguments);
    assert!(ran.status < 2, "{}", ran.err);
    for file in ["a.html", "a.graphml", "a.svg"] {
        let page = read(&folder, file);
        assert!(!page.contains("<script>"), "{file}");
        assert!(page.contains("&lt;script&gt;"), "{file}");
    }
}

#[test]
fn graphml_says_who_is_a_member_and_reads_back() {
    let folder = friends();
    kiln(folder.path(), &["cluster", "friends.csv", "--seed", "alice", "--out", "alice.graphml"]);
    let text = read(&folder, "alice.graphml");
    assert_eq!(text.matches("<data key=\"member\">true</data>").count(), 4);
    assert_eq!(text.matches("<data key=\"seed\">true</data>").count(), 1);
    let ran = kiln(folder.path(), &["cluster", "alice.graphml", "--seed", "alice"]);
    assert!(ran.status < 2, "{}", ran.err);
}

#[test]
fn a_profile_names_seeds_and_has_a_plot() {
    let folder = friends();
    let ran = kiln(folder.path(), &["profile", "friends.csv", "--out", "profile.html", "profile.tsv"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.starts_with("The clearest cluster that was seen has 4 of 9 nodes"), "{}", ran.out);
    assert!(read(&folder, "profile.tsv").starts_with("size\tconductance\tseed\talpha\trho\n1\t"));
    assert!(read(&folder, "profile.html").contains("kiln-plot"));
}

/// What a format cannot hold is said, with the names of the file.
#[test]
fn conversions_say_what_they_leave_out() {
    let folder =
        folder_with("a.net", "*Vertices 4\n1 \"ann\"\n2 \"bob\"\n3 \"cy\"\n4 \"di\"\n*Edges\n1 2\n2 2\n");
    let ran = kiln(folder.path(), &["convert", "a.net", "a.csv"]);
    assert!(ran.status == 0 && ran.err.contains("are left out: 2"), "{}", ran.err);
    let ran = kiln(folder.path(), &["convert", "a.net", "a.graphml"]);
    assert!(ran.status == 0 && !ran.err.contains("left out"), "{}", ran.err);
    let ran = kiln(folder.path(), &["convert", "a.net", "a.graph"]);
    assert!(ran.status == 2 && ran.err.contains("\"bob\" has a connection with itself"), "{}", ran.err);
}

#[test]
fn conversions_keep_names_and_weights() {
    let folder = folder_with("links.csv", "from,to,strength\na b,c,0.25\nc,d#1,2\n");
    for name in ["links.graphml", "links.tsv", "links.tsv.gz", "links.mtx", "links.graph.gz", "links.smat"] {
        let ran = kiln(folder.path(), &["convert", "links.csv", name, "--columns", "from,to,strength"]);
        assert_eq!(ran.status, 0, "{name}: {}", ran.err);
        let names = matches!(name, "links.mtx" | "links.graph.gz" | "links.smat");
        assert_eq!(ran.err.contains(".names: the names of the nodes"), names, "{name}: {}", ran.err);
        let ran = kiln(folder.path(), &["convert", name, "back.csv"]);
        assert_eq!(ran.status, 0, "{name}: {}", ran.err);
        let back = read(&folder, "back.csv");
        for part in ["a b", "d#1", "0.25"] {
            assert!(back.contains(part), "{name}: {back}");
        }
    }
}
