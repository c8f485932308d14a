//! `kiln linear fit` and `kiln linear predict`.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{Ran, data, folder_with, kiln, kiln_with_input, read};

/// Sixty homes: the rent is 10 a square metre and 100 in the centre; a name each, some sizes missing.
fn homes() -> String {
    let mut text = "name,size,where,rent,kind\n".to_owned();
    for i in 0..60 {
        let (size, centre) = (30 + i * 7 % 50, i % 3 == 0);
        let shown = if i % 20 == 7 { String::new() } else { size.to_string() };
        let rent = 10.0 * f64::from(size) + if centre { 100.0 } else { 0.0 } + f64::from(i * 5 % 4);
        let place = if centre { "centre" } else { "edge" };
        let kind = ["flat", "house", "loft"][usize::from(size > 50) + usize::from(size > 65)];
        let _ = writeln!(text, "home {i},{shown},{place},{rent},{kind}");
    }
    text
}

fn fitted(arguments: &[&str]) -> (tempfile::TempDir, Ran) {
    let folder = folder_with("homes.csv", &homes());
    let ran = kiln(folder.path(), &[&["linear", "fit", "homes.csv"], arguments].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    (folder, ran)
}

#[test]
fn values_are_learned_and_predicted() {
    let (folder, ran) =
        fitted(&["--label", "rent", "--ignore", "kind", "--out", "m.json", "--page", "m.html"]);
    assert!(ran.out.contains("\"rent\" is a number, from 302 to 8"), "{}", ran.out);
    let said = ran.out.replace('\n', " ");
    assert!(said.contains("by cross-validation in 5 folds"), "{said}");
    assert!(ran.err.contains("note: \"name\" is left out: 60 different words"), "{}", ran.err);
    assert!(ran.err.contains("\"size\" is missing in 3 rows (empty 3 times)"), "{}", ran.err);
    assert!(ran.err.contains("wrote m.json") && ran.err.contains("wrote m.html"));
    // The model has the units of the columns.
    let model: Value = serde_json::from_str(&read(&folder, "m.json")).unwrap();
    let weight = |name: &str| {
        let all = model["coefficients"].as_array().unwrap();
        all.iter().find(|one| one["column"] == name).unwrap()["weights"][0].as_f64().unwrap()
    };
    assert!((weight("size") - 10.0).abs() < 0.2, "{}", weight("size"));
    assert!((weight("where=edge") + 100.0).abs() < 10.0, "{}", weight("where=edge"));
    assert!(model["certificate"]["relative"].as_f64().unwrap() < 1e-6);
    // Columns stand elsewhere, one is new, one word is new; the label is scored.
    let new = "where,rent,size,pet\nedge,500,50,cat\ncentre,600,50,dog\nmoon,500,50,cat\n";
    std::fs::write(folder.path().join("new.csv"), new).unwrap();
    let ran = kiln(folder.path(), &["linear", "predict", "m.json", "new.csv", "--with", "where"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "where,predicted rent");
    let value = |line: &str| line.rsplit(',').next().unwrap().parse::<f64>().unwrap();
    assert!((value(lines[1]) - 500.0).abs() < 10.0 && (value(lines[2]) - 600.0).abs() < 10.0, "{}", ran.out);
    assert!(
        ran.err.contains("words of \"where\" that the model has not seen, in 1 row,")
            && ran.err.contains("\"moon\""),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("does not use: \"pet\"\n"), "{}", ran.err);
    assert!(ran.err.contains("the root mean square error of 3 rows"), "{}", ran.err);
}

#[test]
fn classes_have_probabilities_that_sum_to_one() {
    let (folder, ran) = fitted(&["--label", "kind", "--out", "m.json"]);
    assert!(ran.out.starts_with("\"kind\" has 3 classes in 60 rows: flat ("), "{}", ran.out);
    let ran = kiln(folder.path(), &["linear", "predict", "m.json", "homes.csv", "--out", "p.csv"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("% of 60 rows whose \"kind\" is known were predicted right"), "{}", ran.err);
    let text = read(&folder, "p.csv");
    let head = "predicted kind,probability of flat,probability of house,probability of loft";
    assert_eq!(text.lines().next().unwrap(), head);
    for line in text.lines().skip(1) {
        let sum: f64 = line.split(',').skip(1).map(|cell| cell.parse::<f64>().unwrap()).sum();
        // Nine digits are written: each of three is off by half of the ninth at most.
        assert!((sum - 1.0).abs() < 1.5e-9, "{line}");
        assert!(line.len() < 60, "{line}");
    }
    // A support vector machine has none.
    let ran = kiln(
        folder.path(),
        &[
            "linear",
            "fit",
            "homes.csv",
            "--label",
            "kind",
            "--loss",
            "hinge",
            "--strength",
            "0.1",
            "--out",
            "h.json",
        ],
    );
    assert_eq!(ran.status, 0, "{}", ran.err);
    let ran = kiln(folder.path(), &["linear", "predict", "h.json", "homes.csv"]);
    assert_eq!(ran.out.lines().next().unwrap(), "predicted kind");
}

#[test]
fn every_loss_and_penalty_that_go_together_fit() {
    for loss in ["auto", "logistic", "one-against-rest", "squared-hinge"] {
        for penalty in ["ridge", "lasso", "elastic-net"] {
            fitted(&["--label", "kind", "--loss", loss, "--penalty", penalty, "--balance", "--folds", "3"]);
        }
    }
    for loss in ["squares", "huber", "poisson"] {
        for penalty in ["ridge", "lasso", "none"] {
            fitted(&["--label", "rent", "--loss", loss, "--penalty", penalty, "--ignore", "kind"]);
        }
    }
    let held_out = ["--held-out", "0.3", "--seed", "5", "--weights", "rent"];
    let (_, ran) = fitted(&[&["--label", "kind"], &held_out[..]].concat());
    assert!(ran.out.contains("30 %"), "{}", ran.out);
}

/// A weight counts rows: with 0 for a half of them, the other half is what is fitted.
#[test]
fn weights_of_rows() {
    let mut text = "x,y,w\n".to_owned();
    for i in 0..40 {
        let _ = writeln!(
            text,
            "{},{},{}",
            i % 10,
            if i < 20 { 2 * (i % 10) } else { 100 - i % 10 },
            i32::from(i < 20)
        );
    }
    let folder = folder_with("t.csv", &text);
    let ran = kiln(
        folder.path(),
        &[
            "linear",
            "fit",
            "t.csv",
            "--label",
            "y",
            "--weights",
            "w",
            "--loss",
            "squares",
            "--strength",
            "0",
            "--out",
            "m.json",
        ],
    );
    assert_eq!(ran.status, 0, "{}", ran.err);
    let model: Value = serde_json::from_str(&read(&folder, "m.json")).unwrap();
    let weight = model["coefficients"][0]["weights"][0].as_f64().unwrap();
    assert!((weight - 2.0).abs() < 1e-6, "{weight}");
}

#[test]
fn the_same_table_gives_the_same_bytes_in_any_dialect() {
    let (folder, first) = fitted(&["--label", "rent", "--out", "1.json", "--page", "1.html"]);
    let semicolons = homes().replace(',', ";").replace('\n', "\r\n");
    std::fs::write(folder.path().join("homes.csv"), format!("\u{feff}{semicolons}")).unwrap();
    let again = kiln(folder.path(), &["linear", "fit", "homes.csv", "--label", "rent", "--out", "2.json"]);
    assert_eq!(first.out, again.out);
    assert_eq!(read(&folder, "1.json"), read(&folder, "2.json"));
    let piped =
        kiln_with_input(folder.path(), &["linear", "fit", "-", "--label", "rent"], homes().as_bytes());
    assert_eq!(first.out, piped.out);
}

#[test]
fn a_page_is_whole_in_itself_and_says_what_was_missing() {
    let (folder, _) = fitted(&["--label", "rent", "--page", "m.html"]);
    let page = read(&folder, "m.html");
    for part in [
        "kiln-plot",
        "prefers-color-scheme",
        "Missing values",
        "size is missing",
        "class=\"effect\"",
        "<details>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["src=", "<link", "@import", "url("] {
        assert!(!page.contains(part), "{part}");
    }
    let text = homes().replace("where", "<script>&'where");
    std::fs::write(folder.path().join("odd.csv"), text).unwrap();
    let ran = kiln(folder.path(), &["linear", "fit", "odd.csv", "--label", "rent", "--page", "odd.html"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let page = read(&folder, "odd.html");
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
}

#[test]
fn svmlight_files_are_numbered_from_0_or_1() {
    let mut text = String::new();
    for i in 0..40 {
        let _ = writeln!(text, "{} 1:{} 3:1", if i % 10 < 5 { -1 } else { 1 }, i % 10);
    }
    let folder = folder_with("t.svmlight", &text);
    for (shift, names) in
        [(text.clone(), ["column 1", "column 3"]), (text.replace("1:", "0:"), ["column 0", "column 3"])]
    {
        std::fs::write(folder.path().join("t.svmlight"), shift).unwrap();
        let ran = kiln(folder.path(), &["linear", "fit", "t.svmlight", "--out", "m.json"]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.out.contains(names[0]), "{}", ran.out);
        let ran = kiln(folder.path(), &["linear", "predict", "m.json", "t.svmlight"]);
        assert!(ran.status == 0 && ran.err.contains("100 % of 40 rows"), "{}", ran.err);
    }
    let ran = kiln(folder.path(), &["linear", "fit", "t.svmlight", "--label", "y"]);
    assert!(ran.status == 2 && ran.err.contains("has none"), "{}", ran.err);
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let folder = folder_with("homes.csv", &homes());
    std::fs::write(folder.path().join("one.csv"), "a,b\n1,2\n").unwrap();
    std::fs::write(folder.path().join("class.csv"), format!("x,y\n{}", "1,yes\n2,yes\n".repeat(20))).unwrap();
    std::fs::write(folder.path().join("m.json"), "{}").unwrap();
    for (arguments, parts) in [
        (&["homes.csv"][..], &["--label", "name, size, where"][..]),
        (&["homes.csv", "--label", "rnet"], &["did you mean \"rent\"?"]),
        (&["homes.csv", "--label", "name"], &["60 different words in 60 rows: too many to be classes"]),
        (&["homes.csv", "--label", "kind", "--loss", "squares"], &["line 2", "\"kind\"", "is no number"]),
        (&["homes.csv", "--label", "rent", "--balance"], &["--balance is for classes"]),
        (&["homes.csv", "--label", "rent", "--folds", "1"], &["--folds is 1"]),
        (&["homes.csv", "--label", "rent", "--strength", "-1"], &["--strength is -1"]),
        (&["homes.csv", "--label", "kind", "--loss", "hinge", "--penalty", "lasso"], &["takes no lasso"]),
        (&["homes.csv", "--label", "rent", "--weights", "kind"], &["\"kind\"", "is no number"]),
        (&["one.csv", "--label", "b"], &["there is one row"]),
        (&["class.csv", "--label", "y"], &["\"y\" is yes in all rows"]),
        (&["none.csv", "--label", "y"], &["none.csv cannot be read"]),
        (&["homes.csv", "--label", "rent", "--out", "no/m.json"], &["there is no folder no"]),
    ] {
        let ran = kiln(folder.path(), &[&["linear", "fit"], arguments].concat());
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.err);
        for part in parts {
            assert!(ran.err.contains(part), "{arguments:?}: {}", ran.err);
        }
    }
    let ran = kiln(folder.path(), &["linear", "predict", "m.json", "homes.csv"]);
    assert!(ran.status == 2 && ran.err.contains("m.json is no model of kiln linear fit"), "{}", ran.err);
}

#[test]
fn a_model_that_was_changed_by_hand_is_refused() {
    let (folder, _) = fitted(&["--label", "rent", "--out", "m.json"]);
    for (from, to, part) in [
        ("\"column\": \"size\"", "\"column\": \"length\"", "its coefficients are not those"),
        ("\"version\": 1", "\"version\": 9", "another version"),
        ("\"weights\": [", "\"weights\": [], \"more\": [", "is damaged"),
    ] {
        let text = read(&folder, "m.json");
        assert!(text.contains(from));
        std::fs::write(folder.path().join("bad.json"), text.replacen(from, to, 1)).unwrap();
        let ran = kiln(folder.path(), &["linear", "predict", "bad.json", "homes.csv"]);
        assert!(ran.status == 2 && ran.err.contains(part), "{}", ran.err);
    }
    // A column that the model needs.
    std::fs::write(folder.path().join("new.csv"), "size,kind\n50,flat\n").unwrap();
    let ran = kiln(folder.path(), &["linear", "predict", "m.json", "new.csv"]);
    assert!(ran.status == 2 && ran.err.contains("new.csv has no column \"where\""), "{}", ran.err);
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["fit", "predict"] {
        let ran = kiln(folder.path(), &["linear", command, "--help"]);
        assert!(ran.status == 0 && ran.out.contains("Examples:") && ran.out.contains("Exit status:"));
    }
}

/// Tables that nobody here wrote.
#[test]
fn tables_of_others() {
    let Some(heart) = data("domains/heart-disease-four-sites.csv") else { return };
    let folder = tempfile::tempdir().unwrap();
    let heart = heart.to_str().unwrap();
    let ran = kiln(folder.path(), &["linear", "fit", heart, "--label", "num", "--ignore", "site"]);
    assert!(ran.status == 0 && ran.out.contains("5 classes in 920 rows"), "{}", ran.err);
    assert!(ran.err.contains("\"ca\" is missing in 611 rows"), "{}", ran.err);
    let Some(reviews) = data("domains/amazon-books-train.svmlight.gz") else { return };
    let ran = kiln(folder.path(), &["linear", "fit", reviews.to_str().unwrap(), "--strength", "0.1"]);
    assert!(ran.status == 0 && ran.out.contains("2 classes"), "{}", ran.err);
}
