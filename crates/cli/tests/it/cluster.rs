//! `kiln cluster`: names in, names out.

use crate::{FRIENDS, folder_with, friends, kiln, kiln_with_input, read};

#[test]
fn a_person_with_two_columns_of_names_gets_the_group() {
    let folder = friends();
    let ran = kiln(folder.path(), &["cluster", "friends.csv", "--seed", "alice"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.starts_with("4 of 9 nodes form the cluster of alice: "), "{}", ran.out);
    for name in ["alice", "bob", "carol", "dave"] {
        assert!(ran.out.contains(name));
    }
    assert!(ran.out.contains("Error bar, proved: no score is off by more than "), "{}", ran.out);
    assert!(!ran.out.contains("erin"));
}

#[test]
fn columns_for_programs_hold_every_score_with_its_error() {
    let folder = friends();
    let ran = kiln(folder.path(), &["cluster", "friends.csv", "--seed", "heidi", "--print", "tsv"]);
    assert_eq!(ran.members(), ["erin", "frank", "grace", "heidi"]);
    let mut lines = ran.out.lines();
    assert_eq!(lines.next(), Some("node\tscore\terror\tdegree\tinside\tmember\tseed"));
    let best: Vec<_> = lines.next().unwrap().split('\t').collect();
    assert_eq!((best[0], best[6]), ("heidi", "1"));
    let (score, error): (f64, f64) = (best[1].parse().unwrap(), best[2].parse().unwrap());
    assert!(score > 1.0 && error < 0.1 * score, "{score} {error}");
}

#[test]
fn several_seeds_at_once_or_one_by_one() {
    let folder = friends();
    let all = kiln(folder.path(), &["cluster", "friends.csv", "--print", "tsv", "--seed", "alice", "bob"]);
    let each = ["cluster", "friends.csv", "--print", "tsv", "--seed", "alice", "--seed", "bob"];
    assert_eq!(all.out, kiln(folder.path(), &each).out);
    assert_eq!(all.members(), ["alice", "bob", "carol", "dave"]);
}

#[test]
fn standard_input_is_read_like_a_file() {
    let folder = friends();
    let of_file = kiln(folder.path(), &["cluster", "friends.csv", "--seed", "alice", "--print", "tsv"]);
    let arguments = ["cluster", "-", "--seed", "alice", "--print", "tsv"];
    let of_input = kiln_with_input(folder.path(), &arguments, FRIENDS.as_bytes());
    assert_eq!(of_file.out, of_input.out);
    assert_eq!(of_input.status, 0);
}

#[test]
fn a_constant_factor_on_the_weights_changes_nothing() {
    let weighted = |factor: f64| {
        let rows = FRIENDS.lines().zip(1..);
        rows.map(|(line, i)| format!("{line},{}", factor * f64::from(i))).collect::<Vec<_>>().join("\n")
    };
    let outs = [1.0, 1e6, 1e-6].map(|factor| {
        let folder = folder_with("friends.csv", &weighted(factor));
        let ran = kiln(folder.path(), &["cluster", "friends.csv", "--seed", "alice", "--print", "tsv"]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        let rows =
            ran.out.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let mut rows: Vec<_> = rows
            .map(|row| (row[0].clone(), format!("{:.6e}", row[1].parse::<f64>().unwrap()), row[5].clone()))
            .collect();
        rows.sort();
        rows
    });
    assert_eq!(outs[0], outs[1]);
    assert_eq!(outs[0], outs[2]);
}

#[test]
fn no_cluster_is_an_answer_with_a_reason_and_an_exit_status_of_its_own() {
    // A star: every group has more ties to outside than inside.
    let star: Vec<_> = (1..9).map(|leaf| format!("centre,leaf{leaf}")).collect();
    let folder = folder_with("star.csv", &star.join("\n"));
    let ran =
        kiln(folder.path(), &["cluster", "star.csv", "--seed", "leaf1", "--out", "star.html", "star.json"]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("There is no cluster around leaf1: "), "{}", ran.out);
    assert!(ran.out.contains("Error bar"));
    assert!(read(&folder, "star.html").contains("No cluster around leaf1"));
    let json: serde_json::Value = serde_json::from_str(&read(&folder, "star.json")).unwrap();
    assert!(json["cluster"].is_null() && json["no-cluster-because"].is_string());
}

#[test]
fn seeds_that_no_path_joins_are_named() {
    let folder = folder_with("two.txt", "a b\nb c\nc a\nx y\ny z\nz x\n");
    let ran = kiln(folder.path(), &["cluster", "two.txt", "--seed", "a", "x"]);
    assert!(ran.out.contains("No path joins x with a"), "{}", ran.out);
    let ran = kiln(folder.path(), &["cluster", "two.txt", "--seed", "a", "b"]);
    assert!(!ran.out.contains("No path") && ran.status == 0, "{}", ran.out);
    // A cluster need not hold every seed, and then says so.
    let mut rows = vec!["a0 leaf0".to_owned()];
    for u in 0..12 {
        rows.extend((u + 1..12).map(|v| format!("a{u} a{v}")));
    }
    rows.extend((0..60).map(|leaf| format!("leaf{leaf} leaf{}", (leaf + 1) % 60)));
    let folder = folder_with("groups.txt", &rows.join("\n"));
    let ran = kiln(folder.path(), &["cluster", "groups.txt", "--seed", "a3", "leaf30", "--print", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let outside =
        json["scores"].as_array().unwrap().iter().any(|s| s["seed"] == true && s["member"] == false);
    let ran = kiln(folder.path(), &["cluster", "groups.txt", "--seed", "a3", "leaf30"]);
    assert_eq!(ran.out.contains("Not in it: "), outside && ran.status == 0, "{}", ran.out);
}

#[test]
fn json_holds_everything() {
    let folder = friends();
    let ran = kiln(folder.path(), &["cluster", "friends.csv", "--seed", "alice", "--print", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["network"]["nodes"], 9);
    assert_eq!(json["seeds"], serde_json::json!(["alice"]));
    assert_eq!(json["cluster"]["size"], 4);
    assert!(json["error-bar"]["each"].as_f64().unwrap() >= 0.0);
    assert!(json["error-bar"]["together"].as_f64().unwrap() >= 0.0);
    let members = json["scores"].as_array().unwrap().iter().filter(|score| score["member"] == true);
    assert_eq!(members.count(), 4);
    assert!(json["work"]["edges_touched"].as_u64().unwrap() > 0);
}

#[test]
fn methods_of_ones_choice_agree() {
    let folder = friends();
    let methods = ["l1-exact", "l1-cd", "l1-ista", "l1-fista", "appr", "appr-opt"];
    for method in methods {
        let arguments = [
            "cluster",
            "friends.csv",
            "--seed",
            "bob",
            "--method",
            method,
            "--alpha",
            "0.1",
            "--print",
            "tsv",
        ];
        let ran = kiln(folder.path(), &arguments);
        assert_eq!(ran.members(), ["alice", "bob", "carol", "dave"], "{method}: {}", ran.err);
    }
}

/// A walk along the arrows does not come back where no arrow leads.
#[test]
fn directions_are_followed() {
    let rows = "a b\nb c\nc a\nc d\nd e\ne f\nf d\n";
    let folder = folder_with("arrows.txt", rows);
    let ran = kiln(folder.path(), &["cluster", "arrows.txt", "--seed", "d", "--directed", "--print", "tsv"]);
    assert_eq!((ran.status, ran.members()), (0, vec!["d", "e", "f"]), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("\na\t"), "{}", ran.out);
    let ran = kiln(folder.path(), &["cluster", "arrows.txt", "--seed", "d", "--directed"]);
    assert!(ran.out.contains("follows the directions") && ran.out.contains("Error bar"), "{}", ran.out);
    let ran = kiln(folder.path(), &["cluster", "arrows.txt", "--all", "--directed", "--top", "9"]);
    assert!(ran.out.contains("\nd\tf\t") && !ran.out.contains("\nd\tc\t"), "{}", ran.out);
    // A file that says itself that it is directed needs no further word, and without one says what to do.
    let text = "Source,Target,Type\na,b,Directed\nb,c,Directed\nc,a,Directed\nc,d,Directed\n";
    let folder = folder_with("arrows.csv", text);
    let ran = kiln(folder.path(), &["cluster", "arrows.csv", "--seed", "a"]);
    for word in ["--symmetrize sum", "--directed"] {
        assert!(ran.status == 2 && ran.err.contains(word), "{}", ran.err);
    }
    assert!(kiln(folder.path(), &["cluster", "arrows.csv", "--seed", "a", "--directed"]).status < 2);
    kiln(folder.path(), &["convert", "arrows.csv", "arrows.kiln", "--symmetrize", "sum"]);
    let ran = kiln(folder.path(), &["cluster", "arrows.kiln", "--seed", "a", "--directed"]);
    assert!(ran.status == 2 && ran.err.contains("no directions"), "{}", ran.err);
}
