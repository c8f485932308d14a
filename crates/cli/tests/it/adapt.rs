//! `kiln adapt diagnose`, `fit` and `predict`.

use std::fmt::Write as _;

use serde_json::Value;
use tempfile::TempDir;

use crate::{Ran, data, folder_with, kiln, read};

/// Patients of a hospital: `marker` tells who is ill, `room` only where they lie; both shift.
fn patients(seed: u32, rows: u32, shift: f64, ill: bool) -> String {
    let mut text = "patient,marker,room,ward".to_owned() + if ill { ",ill\n" } else { "\n" };
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    for row in 0..rows {
        let is_ill = row % 2 == 0;
        let noise = (0..6).map(|_| draw()).sum::<f64>() - 3.0;
        let marker = 2.0 * f64::from(u8::from(is_ill)) + noise;
        let room = shift + draw();
        let ward = if draw() < 0.5 { "a" } else { "b" };
        let _ = write!(text, "p{seed}-{row},{marker},{room},{ward}");
        text += match (ill, is_ill) {
            (false, _) => "\n",
            (true, true) => ",yes\n",
            (true, false) => ",no\n",
        };
    }
    text
}

fn hospitals() -> TempDir {
    let folder = folder_with("a.csv", &patients(1, 120, 0.0, true));
    for (name, seed, shift) in [("b.csv", 2, 1.0), ("c.csv", 3, 2.0)] {
        std::fs::write(folder.path().join(name), patients(seed, 120, shift, true)).unwrap();
    }
    std::fs::write(folder.path().join("t.csv"), patients(4, 80, 5.0, false)).unwrap();
    folder
}

fn adapt(folder: &TempDir, command: &str, sources: &[&str], more: &[&str]) -> Ran {
    let head = ["adapt", command, "--source"];
    let tail = ["--target", "t.csv", "--label", "ill"];
    kiln(folder.path(), &[&head[..], sources, &tail, more].concat())
}

#[test]
fn three_tables_give_advice_predictions_and_a_page() {
    let folder = hospitals();
    let sources = ["a.csv", "b.csv", "c.csv"];
    let ran = adapt(&folder, "diagnose", &sources, &["--out", "d.json", "--page", "d.html"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("note: \"patient\" is left out"), "{}", ran.err);
    let said = ran.out.replace('\n', " ");
    assert!(said.starts_with("Adapt, with") || said.starts_with("Do not adapt"), "{said}");
    assert!(said.contains("Gain over pooling in points, each source in turn as the target"), "{said}");
    let found: Value = serde_json::from_str(&read(&folder, "d.json")).unwrap();
    let target = &found["domains"][0];
    assert_eq!(target["domain"], "t.csv");
    assert!(target["auc"].as_f64().unwrap() > 0.9 && target["p_value"].as_f64().unwrap() < 1e-6);
    let room = found["features"].as_array().unwrap().iter().find(|feature| feature["feature"] == 1).unwrap();
    assert!(room["moved"].as_f64().unwrap() > 2.0, "{room}");
    let page = read(&folder, "d.html");
    assert!(page.contains("<svg") && page.contains("Which columns move") && !page.contains("<script"));

    let ran = adapt(&folder, "fit", &sources, &["--out", "m.json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("Fitted by"), "{}", ran.out);
    let ran = kiln(folder.path(), &["adapt", "predict", "m.json", "t.csv", "--with", "patient"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "patient,predicted ill,probability of no,probability of yes");
    assert_eq!(lines.len(), 81);
    let right = lines[1..].iter().enumerate();
    let right =
        right.filter(|(row, line)| line.contains(if row % 2 == 0 { ",yes," } else { ",no," })).count();
    assert!(right > 60, "{right} of 80");
    // The same tables give the same bytes.
    let again = adapt(&folder, "fit", &sources, &["--out", "n.json"]);
    assert_eq!(again.status, 0);
    assert_eq!(read(&folder, "m.json"), read(&folder, "n.json"));
}

#[test]
fn labels_of_the_target_are_not_looked_at() {
    let folder = hospitals();
    let sources = ["a.csv", "b.csv", "c.csv"];
    let plain = adapt(&folder, "fit", &sources, &["--method", "coral", "--out", "m.json"]);
    assert_eq!(plain.status, 0, "{}", plain.err);
    let first = read(&folder, "m.json");
    std::fs::write(folder.path().join("t.csv"), patients(4, 80, 5.0, true)).unwrap();
    let ran = adapt(&folder, "fit", &sources, &["--method", "coral", "--out", "m.json"]);
    assert!(ran.err.contains("its column \"ill\" is not looked at"), "{}", ran.err);
    assert_eq!(read(&folder, "m.json"), first);
    let ran = kiln(folder.path(), &["adapt", "predict", "m.json", "t.csv", "--out", "p.csv"]);
    assert!(ran.err.contains("whose \"ill\" is known were predicted right"), "{}", ran.err);
}

#[test]
fn values_are_predicted_too() {
    let text = |seed: u32, shift: f64| {
        let mut text = "x,y,ill\n".to_owned();
        for row in 0..60_u32 {
            let x = f64::from(row * (7 + seed) % 13) + shift;
            let _ = writeln!(text, "{x},{},{}", f64::from(row % 5), 2.0 * x + f64::from(row % 3) / 7.0);
        }
        text
    };
    let folder = folder_with("a.csv", &text(1, 0.0));
    std::fs::write(folder.path().join("b.csv"), text(2, 1.0)).unwrap();
    std::fs::write(folder.path().join("t.csv"), text(3, 9.0)).unwrap();
    let ran = adapt(&folder, "fit", &["a.csv", "b.csv"], &["--out", "m.json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let ran = kiln(folder.path(), &["adapt", "predict", "m.json", "t.csv"]);
    let first: f64 = ran.out.lines().nth(1).unwrap().parse().unwrap();
    assert!((first - 18.0).abs() < 1.0, "{first}");
}

#[test]
fn what_cannot_be_done_says_why() {
    let folder = hospitals();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("no-label.csv", "patient,marker,room,ward\np,1,2,a\n");
    write("short.csv", "marker,ill\n1,yes\n2,no\n");
    write("words.csv", "patient,marker,room,ward,ill\np,high,2,a,yes\nq,low,1,b,no\n");
    write("empty-label.csv", "patient,marker,room,ward,ill\np,1,2,a,\nq,2,3,b,NA\n");
    write("bad.json", "{\"format\":\"kiln-adapt-model\",\"version\":1}");
    let cases: [(&[&str], &str); 4] = [
        (&["no-label.csv"], "no-label.csv has no column \"ill\""),
        (&["a.csv", "empty-label.csv"], "empty-label.csv: the column \"ill\" has no value in any row"),
        (&["missing.csv"], "missing.csv"),
        (&["a.csv", "t.csv"], "t.csv has no column \"ill\""),
    ];
    for (sources, said) in cases {
        let ran = adapt(&folder, "diagnose", sources, &[]);
        assert_eq!(ran.status, 2, "{}", ran.out);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    // A column that one source has not is left out, and one with words in one source holds words.
    let ran = adapt(&folder, "diagnose", &["a.csv", "short.csv"], &[]);
    assert!(ran.status == 0 && ran.err.contains("left out, since not all sources have it"), "{}", ran.err);
    let ran = adapt(&folder, "diagnose", &["a.csv", "words.csv"], &[]);
    assert!(ran.status == 0 || ran.err.contains("\"marker\""), "{}", ran.err);
    let ran = adapt(&folder, "fit", &["a.csv"], &["--method", "magic", "--out", "m.json"]);
    assert!(ran.status == 2 && ran.err.contains("no method magic"), "{}", ran.err);
    let ran = kiln(folder.path(), &["adapt", "predict", "bad.json", "t.csv"]);
    assert!(ran.status == 2 && ran.err.contains("bad.json is damaged"), "{}", ran.err);
    let ran = adapt(&folder, "fit", &["a.csv", "b.csv"], &["--out", "m.json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let model = read(&folder, "m.json").replace("\"no\"", "\"no\",\n \"perhaps\"");
    write("changed.json", &model);
    let ran = kiln(folder.path(), &["adapt", "predict", "changed.json", "t.csv"]);
    assert!(ran.status == 2 && ran.err.contains("changed.json is damaged"), "{}", ran.err);
    write("other.csv", "marker,wing\n1,2\n");
    let ran = kiln(folder.path(), &["adapt", "predict", "m.json", "other.csv"]);
    assert!(ran.status == 2 && ran.err.contains("other.csv has no column \"room\""), "{}", ran.err);
}

/// Three hospitals predict a fourth, from the file as its authors gave it.
#[test]
fn hospitals_of_others() {
    let Some(path) = data("domains/heart-disease-four-sites.csv") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let head = lines.next().unwrap();
    let site = head.split(',').position(|name| name == "site").unwrap();
    let folder = folder_with("none.csv", "x\n1\n");
    let rows: Vec<&str> = lines.collect();
    let of = |name: &str| {
        let own = rows.iter().filter(|row| row.split(',').nth(site) == Some(name));
        own.fold(head.to_owned() + "\n", |text, row| text + row + "\n")
    };
    let mut names: Vec<&str> = rows.iter().filter_map(|row| row.split(',').nth(site)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 4);
    for name in &names {
        std::fs::write(folder.path().join(format!("{name}.csv")), of(name)).unwrap();
    }
    let files: Vec<String> = names.iter().map(|name| format!("{name}.csv")).collect();
    let label = head.split(',').next_back().unwrap();
    let sources: Vec<&str> = files[..3].iter().map(String::as_str).collect();
    let arguments = [
        &["adapt", "diagnose", "--source"][..],
        &sources,
        &["--target", &files[3], "--label", label, "--ignore", "site", "--page", "h.html"],
    ]
    .concat();
    let ran = kiln(folder.path(), &arguments);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("dapt"), "{}", ran.out);
}
