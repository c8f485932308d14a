//! Sets with natural domains: Office-Caltech10, Amazon reviews, heart disease, rated sentences.

use std::fs;
use std::io::Write;

use kiln_datasets::{
    DataPath, HEART_COVARIATES, HeartSite, NamedFeatures, Route, amazon, heart, office, read_heart_csv,
    read_rated_tsv, sentiment_four_domains,
};
use kiln_tests::data_with;
use proptest::prelude::*;

use super::{class_counts, missing};

/// The shared folder as a search path, if it has `name`.
fn shared_path(name: &str) -> Option<DataPath> {
    data_with(name).map(|folder| DataPath::of_folders(vec![(Route::Shared, folder)]))
}

/// A folder for files made by a test.
struct Made(tempfile::TempDir);

impl Made {
    fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        fs::create_dir(made.0.path().join("domains")).unwrap();
        fs::create_dir(made.0.path().join("text")).unwrap();
        made
    }

    fn write(&self, name: &str, contents: &[u8]) {
        fs::write(self.0.path().join(name), contents).unwrap();
    }

    fn npy(&self, name: &str, shape: &str, contents: &[u8]) {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        let start = [b"\x93NUMPY\x01\x00", &[header.len() as u8, 0][..], header.as_bytes()].concat();
        self.write(name, &[start.as_slice(), contents].concat());
    }

    fn gzip(&self, name: &str, text: &str) {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        self.write(name, &gzip.finish().unwrap());
    }

    fn path(&self) -> DataPath {
        DataPath::of_folders(vec![(Route::Explicit, self.0.path().into())])
    }
}

#[test]
fn what_is_missing_is_named() {
    let nowhere = DataPath::of_folders(vec![]);
    let sets = [
        (missing(office(&nowhere)), "geodesic-flow-kernel"),
        (missing(amazon(&nowhere)), "Multi-Domain Sentiment Dataset"),
        (missing(heart(&nowhere)), "10.24432/C52P4X"),
        (missing(sentiment_four_domains(&nowhere)), "vaderSentiment"),
    ];
    for (missing, words) in sets {
        assert!(missing.hint.contains(words), "{missing}");
    }
}

#[test]
fn office_that_is_malformed_names_the_file() {
    let made = Made::new();
    let (counts, labels) = ("domains/office-amazon-surf800.npy", "domains/office-amazon-labels.npy");
    for (width, of_labels, words) in [
        (799, &[0, 1][..], "surf800.npy: 799 columns, 800 expected"),
        (800, &[0, 1, 2], "labels.npy: 3 labels for 2 rows"),
        (800, &[0, 10], "labels.npy: label 10, of 0 to 9 expected"),
        (800, &[0, 9], "no data domains/office-caltech10-surf800.npy"),
    ] {
        made.npy(counts, &format!("(2, {width})"), &vec![1; 2 * width]);
        made.npy(labels, &format!("({},)", of_labels.len()), of_labels);
        let error = office(&made.path()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// Of each row of `of`, the class of its nearest row in `among`; and the other way round. Width 800.
fn nearest(of: (&NamedFeatures, &[f64]), among: (&NamedFeatures, &[f64])) -> (Vec<u8>, Vec<u8>) {
    let mut best_of = vec![(f64::INFINITY, 0); of.0.len()];
    let mut best_among = vec![(f64::INFINITY, 0); among.0.len()];
    for (i, x) in of.1.chunks_exact(800).enumerate() {
        for (j, y) in among.1.chunks_exact(800).enumerate() {
            let mut sums = [0.0; 8];
            for (x, y) in x.as_chunks::<8>().0.iter().zip(y.as_chunks::<8>().0) {
                for k in 0..8 {
                    sums[k] += (x[k] - y[k]) * (x[k] - y[k]);
                }
            }
            let distance = sums.iter().sum::<f64>();
            if distance < best_of[i].0 {
                best_of[i] = (distance, j);
            }
            if distance < best_among[j].0 {
                best_among[j] = (distance, i);
            }
        }
    }
    let labels = |best: Vec<(f64, usize)>, of: &NamedFeatures| {
        best.into_iter().map(|(_, place)| of.labels[place]).collect()
    };
    (labels(best_of, among.0), labels(best_among, of.0))
}

fn accuracy(found: &[u8], domain: &NamedFeatures) -> String {
    let right = found.iter().zip(&domain.labels).filter(|(found, label)| found == label).count();
    format!("{:.2}", 100.0 * right as f64 / domain.len() as f64)
}

#[test]
fn real_office_has_the_published_nearest_neighbours() {
    let Some(path) = shared_path("domains/office-webcam-labels.npy") else { return };
    let domains = office(&path).unwrap();
    let sizes: Vec<_> = domains.iter().map(|domain| (domain.name.as_str(), domain.len())).collect();
    assert_eq!(sizes, [("amazon", 958), ("caltech10", 1_123), ("dslr", 157), ("webcam", 295)]);
    for (domain, (fewest, most)) in domains.iter().zip([(82, 100), (85, 151), (8, 24), (21, 43)]) {
        let counts = class_counts(&domain.labels);
        assert_eq!((counts.iter().min(), counts.iter().max()), (Some(&fewest), Some(&most)));
    }
    let rows: Vec<Vec<f64>> = domains.iter().map(NamedFeatures::standardized_shares).collect();
    // Column NN of Gong et al. 2012: trained on, tested on, percent.
    for (a, b, from_a, from_b) in [
        ("caltech10", "amazon", "23.70", "26.00"),
        ("caltech10", "webcam", "25.76", "19.86"),
        ("caltech10", "dslr", "25.48", "26.27"),
        ("amazon", "webcam", "29.83", "22.96"),
        ("amazon", "dslr", "25.48", "28.50"),
        ("webcam", "dslr", "59.24", "63.39"),
    ] {
        let place = |name: &str| domains.iter().position(|domain| domain.name == name).unwrap();
        let (a, b) = (place(a), place(b));
        let (of_b, of_a) = nearest((&domains[b], &rows[b]), (&domains[a], &rows[a]));
        let found = (accuracy(&of_b, &domains[b]), accuracy(&of_a, &domains[a]));
        assert_eq!(found, (from_a.into(), from_b.into()), "{} {}", domains[a].name, domains[b].name);
    }
}

fn features(width: usize, counts: Vec<u8>) -> NamedFeatures {
    let labels = vec![0; counts.len() / width];
    NamedFeatures { name: "made".into(), width, counts, labels, sources: Vec::new() }
}

#[test]
fn rows_of_zeros_and_constant_columns_are_standardized_to_numbers() {
    // Shares (1/4, 3/4, 0), (0, 0, 0), (1/2, 1/2, 0).
    let rows = features(3, vec![1, 3, 0, 0, 0, 0, 2, 2, 0]).standardized_shares();
    let deviation = (0.25_f64.powi(2) / 2.0 + 0.25_f64.powi(2) / 2.0).sqrt();
    for (row, expected) in [(0, 0.0), (1, -0.25 / deviation), (2, 0.25 / deviation)] {
        assert!((rows[3 * row] - expected).abs() < 1e-15, "{rows:?}");
        assert_eq!(rows[3 * row + 2], 0.0);
    }
    assert_eq!(features(2, vec![5, 1]).standardized_shares(), [0.0, 0.0]);
    assert!(features(2, vec![]).standardized_shares().is_empty());
}

proptest! {
    #[test]
    fn standardized_columns_have_mean_0_and_deviation_1(
        counts in (1_usize..5, 2_usize..8).prop_flat_map(|(width, rows)| {
            (Just(width), proptest::collection::vec(any::<u8>(), width * rows))
        }),
        factor in 1_u8..9,
    ) {
        let (width, counts) = counts;
        let domain = features(width, counts);
        let rows = domain.standardized_shares();
        let n = domain.len() as f64;
        for column in 0..width {
            let values = || rows.iter().skip(column).step_by(width);
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|x| x * x).sum::<f64>() / (n - 1.0);
            prop_assert!(mean.abs() < 1e-10);
            prop_assert!(variance == 0.0 || (variance - 1.0).abs() < 1e-9, "{variance}");
        }
        // Shares do not change when a row is multiplied.
        let small: Vec<u8> = domain.counts.iter().map(|count| count % 28).collect();
        let multiplied = features(width, small.iter().map(|count| count * factor).collect());
        for (a, b) in features(width, small).standardized_shares().iter().zip(multiplied.standardized_shares()) {
            prop_assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
}

#[test]
fn amazon_labels_must_be_1_or_minus_1() {
    let made = Made::new();
    made.gzip("domains/amazon-books-train.svmlight.gz", "1 0:1\n-1 4999:2\n2 0:1\n");
    let error = amazon(&made.path()).unwrap_err().to_string();
    assert!(error.contains("amazon-books-train.svmlight.gz, line 3: label 2 is neither"), "{error}");
    made.gzip("domains/amazon-books-train.svmlight.gz", "1 0:1\n-1 5000:2\n");
    let error = amazon(&made.path()).unwrap_err().to_string();
    assert!(error.contains("line 2: column 5000 of 5000"), "{error}");
    made.write("domains/amazon-books-train.svmlight.gz", b"1 0:1\n");
    let error = amazon(&made.path()).unwrap_err().to_string();
    assert!(error.starts_with("domains/amazon-books-train.svmlight.gz: "), "{error}");
}

#[test]
fn real_amazon_has_the_known_sizes() {
    let Some(path) = shared_path("domains/amazon-kitchen-test.svmlight.gz") else { return };
    let domains = amazon(&path).unwrap();
    // Entries, rows without one and positive reviews as awk counts them.
    let known = [
        ("books", 184_408, 4_465, 2_264, 394_856, 0),
        ("dvd", 184_399, 3_586, 1_807, 331_695, 0),
        ("electronics", 142_574, 5_681, 2_857, 402_476, 3),
        ("kitchen", 126_363, 5_945, 2_954, 373_659, 0),
    ];
    assert_eq!(domains.len(), known.len());
    for (domain, (name, train_entries, rows, positive, entries, empty)) in domains.iter().zip(known) {
        let (train, test) = (&domain.train, &domain.test);
        assert_eq!((domain.name.as_str(), train.counts.width(), test.counts.width()), (name, 5_000, 5_000));
        assert_eq!(
            (train.labels.len(), class_counts(&train.labels)[1], train.counts.len()),
            (2_000, 1_000, 2_000)
        );
        assert_eq!(
            (test.labels.len(), class_counts(&test.labels)[1], test.counts.len()),
            (rows, positive, rows)
        );
        assert_eq!((train.counts.entries(), test.counts.entries()), (train_entries, entries), "{name}");
        assert_eq!((0..rows).filter(|&i| test.counts.row(i).count() == 0).count(), empty, "{name}");
        assert_eq!((train.sources[0].rows, test.sources[0].rows), (2_000, rows));
        let counts = (0..rows).flat_map(|i| test.counts.row(i)).all(|(_, x)| x >= 1.0 && x.fract() == 0.0);
        assert!(counts, "{name}");
    }
}

fn heart_table(rows: &str) -> String {
    format!("site,{},num\n{rows}", HEART_COVARIATES.join(","))
}

#[test]
fn heart_that_is_malformed_names_the_line() {
    let good = "va,63,1,4,140,,0,2,,,,,,,2\n";
    for (row, words) in [
        ("va,63,1,4,140,,0,2,,,,,,2", "line 3: 14 fields, the header has 15"),
        ("va,63,1,4,140,,0,2,,,,,,,", "line 3: num \"\" is not 0 to 4"),
        ("va,63,1,4,140,,0,2,,,,,,,5", "line 3: num \"5\" is not 0 to 4"),
        ("va,?,1,4,140,,0,2,,,,,,,1", "line 3: age \"?\" is not a finite number"),
        ("va,63,1,4,NaN,,0,2,,,,,,,1", "line 3: trestbps \"NaN\""),
        (",63,1,4,140,,0,2,,,,,,,1", "line 3: the site is empty"),
        ("", "line 3: 1 fields"),
    ] {
        let table = heart_table(&format!("{good}{row}\n"));
        let error = read_heart_csv("a.csv", table.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("a.csv, ") && error.contains(words), "{error}");
    }
    for (table, words) in [
        (String::new(), "line 1: the header is \"\", it should name: site, age"),
        (heart_table(good).replace("chol", "cholesterol"), "line 1: the header is \"site, age"),
        (heart_table(""), "a header and no rows"),
    ] {
        let error = read_heart_csv("a.csv", table.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let made = Made::new();
    made.write("domains/heart-disease-four-sites.csv", heart_table(good).as_bytes());
    let error = heart(&made.path()).unwrap_err().to_string();
    assert!(error.contains("it holds va; expected cleveland, hungarian, switzerland, va"), "{error}");
}

#[test]
fn real_heart_has_the_known_shares_of_ill() {
    let Some(path) = shared_path("domains/heart-disease-four-sites.csv") else { return };
    let sites = heart(&path).unwrap();
    let found: Vec<_> = sites
        .iter()
        .map(|site| {
            let ill = site.ill().into_iter().filter(|&ill| ill).count();
            let share = format!("{:.1}", 100.0 * ill as f64 / site.len() as f64);
            (site.name.as_str(), site.covariates.len(), share, site.num.iter().max().copied())
        })
        .collect();
    let known = [
        ("cleveland", 303, "45.9", Some(4)),
        ("hungarian", 294, "36.1", Some(1)),
        ("switzerland", 123, "93.5", Some(4)),
        ("va", 200, "74.5", Some(4)),
    ];
    assert_eq!(found, known.map(|(name, rows, share, most)| (name, rows, share.to_owned(), most)));
    // Missing values by covariate, as awk counts them.
    let missing: Vec<Vec<usize>> = sites
        .iter()
        .map(|site| (0..13).map(|c| site.covariates.iter().filter(|row| row[c].is_none()).count()).collect())
        .collect();
    assert_eq!(missing[0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 2]);
    assert_eq!(missing[1], [0, 0, 0, 1, 23, 8, 1, 1, 1, 0, 190, 291, 266]);
    assert_eq!(missing[2], [0, 0, 0, 2, 0, 75, 1, 1, 1, 6, 17, 118, 52]);
    assert_eq!(missing[3], [0, 0, 0, 56, 7, 7, 0, 53, 53, 56, 102, 198, 166]);
    let no_cholesterol = |i: usize| sites[i].covariates.iter().filter(|row| row[4] == Some(0.0)).count();
    assert_eq!([no_cholesterol(0), no_cholesterol(1), no_cholesterol(2), no_cholesterol(3)], [0, 0, 123, 49]);
    assert_eq!(sites[3].covariates.iter().filter(|row| row[3] == Some(0.0)).count(), 1);
    assert_eq!(sites[2].sources[0].rows, 123);
}

#[test]
fn rated_texts_that_are_malformed_name_the_line() {
    let header = "domain\tid\tmean_rating\ttext\n";
    for (row, words) in [
        ("news\t1\t0.5", "line 3: 3 fields, the header has 4"),
        ("news\t1\tgood\ta", "line 3: mean_rating \"good\""),
        ("news\t1\tinf\ta", "line 3: mean_rating \"inf\""),
        ("news\t1\t4.1\ta", "line 3: mean_rating 4.1 is not -4 to 4"),
        ("news\t1\t0.5\t ", "line 3: the domain or the text is empty"),
        ("\t1\t0.5\ta", "line 3: the domain or the text is empty"),
    ] {
        let table = format!("{header}news\t1\t0.5\ta\n{row}\n");
        let error = read_rated_tsv("a.tsv", table.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let made = Made::new();
    made.write("text/sentiment-four-domains.tsv", format!("{header}news\t1\t0.5\ta\n").as_bytes());
    let error = sentiment_four_domains(&made.path()).unwrap_err().to_string();
    assert!(error.contains("it holds news; expected tweets, movies, products, news"), "{error}");
}

#[test]
fn real_rated_texts_have_the_known_sizes() {
    let Some(path) = shared_path("text/sentiment-four-domains.tsv") else { return };
    let domains = sentiment_four_domains(&path).unwrap();
    let found: Vec<_> = domains
        .iter()
        .map(|domain| {
            let mean = domain.ratings.iter().sum::<f64>() / domain.len() as f64;
            (domain.name.as_str(), domain.len(), format!("{mean:.4}"), domain.sources[0].rows)
        })
        .collect();
    // Means as awk finds them.
    let known = [
        ("tweets", 4_200, "0.5054"),
        ("movies", 10_605, "0.0048"),
        ("products", 3_708, "0.3823"),
        ("news", 5_190, "-0.1412"),
    ];
    assert_eq!(found, known.map(|(name, rows, mean)| (name, rows, mean.to_owned(), rows)));
    assert_eq!(
        (&domains[0].texts[1][..], domains[0].ratings[0]),
        ("Yay. Another good phone interview.", 2.726_316)
    );
    assert_eq!(domains[3].ids[1], "1_2");
}

proptest! {
    #[test]
    fn the_table_readers_never_panic(text in "[a-z0-9.,\t\n-]{0,60}") {
        let _ = read_heart_csv("a", text.as_bytes());
        let _ = read_heart_csv("a", heart_table(&text).as_bytes());
        let _ = read_rated_tsv("a", text.as_bytes());
        let _ = read_rated_tsv("a", format!("domain\tid\tmean_rating\ttext\n{text}").as_bytes());
    }

    #[test]
    fn heart_comes_back(rows in proptest::collection::vec(
        (0_usize..3, proptest::array::uniform13(proptest::option::of(-1e3..1e3_f64)), 0..5_u8), 1..12,
    )) {
        let line = |(site, values, num): &(usize, [Option<f64>; 13], u8)| {
            let fields: Vec<String> =
                values.iter().map(|value| value.map_or_else(String::new, |value| value.to_string())).collect();
            format!("s{site},{},{num}\n", fields.join(","))
        };
        let table = heart_table(&rows.iter().map(line).collect::<String>());
        let sites = read_heart_csv("a", table.as_bytes()).unwrap();
        prop_assert_eq!(sites.iter().map(HeartSite::len).sum::<usize>(), rows.len());
        for site in sites {
            let of_site = rows.iter().filter(|row| format!("s{}", row.0) == site.name);
            let (covariates, num): (Vec<_>, Vec<_>) = of_site.map(|row| (row.1, row.2)).unzip();
            prop_assert_eq!((site.covariates, site.num), (covariates, num));
        }
    }
}
