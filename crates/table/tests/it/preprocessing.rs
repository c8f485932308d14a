//! Numbers from tables.

use kiln_table::{
    ColumnKind, DataTable, EncodedRows, Entries, Preprocessing, PreprocessingNotice, PreprocessingOptions,
    TableColumn, TableError, TableOptions, read_table_from,
};

use crate::{lines, table};

fn fit(table: &DataTable) -> (Preprocessing, Vec<PreprocessingNotice>) {
    Preprocessing::fit(table, &PreprocessingOptions::default()).unwrap()
}

fn rows(encoded: &EncodedRows) -> Vec<Vec<f64>> {
    encoded.to_dense().chunks(encoded.columns.len()).map(<[f64]>::to_vec).collect()
}

/// Thirty rows: a number, the number of the row, a name, a code, a constant, a column without values.
fn thirty() -> DataTable {
    let row =
        |i: usize| format!("{}.5,{i},name {i},{},{},same,\n", i % 7, 1000 + 7 * i, ["a", "b", "c"][i % 3]);
    table(&format!("x,row,name,id,kind,constant,nothing\n{}", (0..30).map(row).collect::<String>()))
}

#[test]
fn columns_that_tell_nothing_are_left_out_and_told() {
    let (fitted, notices) = fit(&thirty());
    let names: Vec<&str> = fitted.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["x", "id", "kind", "constant"]);
    let said: Vec<String> = notices.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("\"row\" is left out: it counts the rows"), "{said:?}");
    assert!(said[1].contains("\"name\" is left out: 30 different words"), "{said:?}");
    assert!(said[2].contains("\"id\" is another whole number in each row"), "{said:?}");
    assert!(said[3].contains("\"nothing\" is left out"), "{said:?}");
    assert!(notices.iter().all(PreprocessingNotice::is_warning));
    let options = PreprocessingOptions { keep: vec!["row".into(), "name".into()], ..Default::default() };
    let (fitted, _) = Preprocessing::fit(&thirty(), &options).unwrap();
    assert_eq!(fitted.encoded_names().len(), 2 + 30 + 1 + 3 + 1);
    let options = PreprocessingOptions { ignore: vec!["Kind".into()], ..Default::default() };
    let error = Preprocessing::fit(&thirty(), &options).unwrap_err().to_string();
    assert!(error.contains("did you mean \"kind\"?"), "{error}");
}

#[test]
fn missing_values_get_the_median_and_a_mark() {
    let first = table("x,y,s\n1,1,a\n3,2,\n,3,b\n10,4,c\n");
    let (fitted, notices) = fit(&first);
    let (encoded, none) = fitted.apply(&first).unwrap();
    assert!(none.is_empty(), "{none:?}");
    assert_eq!(encoded.columns, ["x", "x is missing", "y", "s=a", "s=b", "s=c", "s is missing"]);
    assert_eq!(rows(&encoded)[1], [3.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(rows(&encoded)[2], [3.0, 1.0, 3.0, 0.0, 1.0, 0.0, 0.0]);
    assert!(notices[0].to_string().contains("1 row (empty once): they got the median 3"), "{}", notices[0]);
    // Missing where nothing was: the median, and a word.
    let (encoded, notices) = fitted.apply(&table("x,y,s\n1,NA,a\n")).unwrap();
    assert_eq!(rows(&encoded)[0], [1.0, 0.0, 2.5, 1.0, 0.0, 0.0, 0.0]);
    assert!(matches!(&notices[..], [PreprocessingNotice::UnseenMissing { rows: 1, .. }]));
    // A column without any value has no type.
    let (encoded, _) = fitted.apply(&table("x,y,s\n,1,\n,2,\n")).unwrap();
    assert_eq!(rows(&encoded)[0], [3.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let (fitted, _) = fit(&table("a,b\n1,u\n2,v\n3,u\n"));
    assert_eq!(fitted.encoded_names(), ["a", "b=v"]);
    let (one, _) = fitted.apply(&table("a,b\n7,v\n8,u\n")).unwrap();
    let (other, notices) = fitted.apply(&table("more,b,a\nx,v,7\ny,u,8\n")).unwrap();
    assert_eq!(one, other);
    assert!(matches!(&notices[..], [PreprocessingNotice::ExtraColumns { columns }] if columns == &["more"]));
    let error = fitted.apply(&table("A,b\n1,u\n")).unwrap_err();
    assert!(matches!(error, TableError::NoColumn { .. }) && error.to_string().contains("\"A\""), "{error}");
    let error = fitted.apply(&table("a,b\n1,u\nfoo,v\n")).unwrap_err().to_string();
    assert!(error.contains("t.csv, line 3, column \"a\": \"foo\" is no number"), "{error}");
}

#[test]
fn words_that_look_like_numbers_in_the_next_table() {
    let (fitted, _) = fit(&table("code,x\n01,1\nA,2\n7,3\n"));
    let options = TableOptions { words: fitted.words(), ..TableOptions::default() };
    let next = read_table_from("t.csv", "code,x\n01,1\n7,2\n9,3\n".as_bytes(), &options).unwrap();
    let (encoded, notices) = fitted.apply(&next).unwrap();
    assert_eq!(encoded.columns, ["code=01", "code=7", "code=A", "x"]);
    assert_eq!(rows(&encoded)[..2], [vec![1.0, 0.0, 0.0, 1.0], vec![0.0, 1.0, 0.0, 2.0]]);
    assert_eq!(rows(&encoded)[2], [0.0, 0.0, 0.0, 3.0]);
    assert!(
        matches!(&notices[..], [PreprocessingNotice::UnseenLevels { rows: 1, examples, .. }] if examples == &["9"])
    );
    // Without that, what can be told is told.
    let (encoded, _) = fitted.apply(&table("code,x\n7,2\n")).unwrap();
    assert_eq!(rows(&encoded)[0], [0.0, 1.0, 0.0, 2.0]);
}

#[test]
fn a_number_far_from_the_others_is_told() {
    let text = lines((0..40).map(|i| format!("{},{}", i % 7, if i == 3 { 1e9 } else { f64::from(i % 5) })));
    let (_, notices) = fit(&table(&format!("a,b\n{text}")));
    assert_eq!(notices.len(), 1);
    assert!(
        notices[0].to_string().starts_with("\"b\" is 1000000000 in line 5, a thousand times"),
        "{}",
        notices[0]
    );
}

#[test]
fn nothing_left_says_why() {
    let table = table(&format!("n\n{}", lines((0..30).map(|i| i.to_string()))));
    let error = Preprocessing::fit(&table, &PreprocessingOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("no column left to learn from\n  \"n\" is left out: it counts the rows"),
        "{error}"
    );
}

#[test]
fn dates_and_numbers_are_not_taken_for_each_other() {
    let (fitted, _) = fit(&table("when,x\n2024-01-01,1\n2024-02-01,2\n"));
    assert!(matches!(fitted.columns()[0].holds, ColumnKind::Dates { .. }));
    let error = fitted.apply(&table("when,x\n45000,1\n")).unwrap_err().to_string();
    assert!(error.contains("holds numbers; when the columns were fitted it held dates"), "{error}");
}

#[test]
fn infinite_numbers_are_refused_with_their_place() {
    let error =
        Preprocessing::fit(&table("x,y\n1,2\n1e999,3\n"), &PreprocessingOptions::default()).unwrap_err();
    assert!(error.to_string().contains("t.csv, line 3, column \"x\" is infinite"), "{error}");
}

#[test]
fn what_is_saved_is_what_was_fitted() {
    let (fitted, notices) = fit(&table("x,s,d\n1,a,2024-01-01\n,b,2024-01-02\n2,,2024-01-03\n"));
    let text = serde_json::to_string(&fitted).unwrap();
    assert_eq!(serde_json::from_str::<Preprocessing>(&text).unwrap(), fitted);
    let expected = concat!(
        r#"[{"name":"x","holds":{"numbers":{"median":1.5}},"some-missing":true},"#,
        r#"{"name":"s","holds":{"words":{"levels":["a","b"]}},"some-missing":true},"#,
        r#"{"name":"d","holds":{"dates":{"median":19724.0}},"some-missing":false}]"#,
    );
    assert_eq!(text, expected);
    let text = serde_json::to_string(&notices).unwrap();
    assert_eq!(serde_json::from_str::<Vec<PreprocessingNotice>>(&text).unwrap(), notices);
}

#[test]
fn many_levels_are_sparse_and_told() {
    let text: String = lines((0..60_000).map(|i| format!("{},{}", i % 20_000, i % 7)));
    let options = TableOptions { words: vec!["s".into()], ..TableOptions::default() };
    let table = read_table_from("t.csv", format!("s,x\n{text}").as_bytes(), &options).unwrap();
    let (fitted, notices) = fit(&table);
    assert!(matches!(&notices[..], [PreprocessingNotice::ManyLevels { levels: 20_000, .. }]), "{notices:?}");
    let (encoded, _) = fitted.apply(&table).unwrap();
    assert_eq!(encoded.columns.len(), 20_001);
    let Entries::Sparse { values, .. } = &encoded.entries else { panic!("dense") };
    assert!(values.len() <= 120_000);
}

#[test]
fn tables_from_memory() {
    let column = |name: &str, numbers: &[f64]| TableColumn::numbers(name, numbers.to_vec());
    let table =
        DataTable::new("memory", vec![column("a", &[1.0, f64::NAN]), column("b", &[2.0, 3.0])]).unwrap();
    assert_eq!(table.place(1).to_string(), "row 2");
    assert_eq!(fit(&table).0.encoded_names(), ["a", "a is missing", "b"]);
    for columns in [
        vec![],
        vec![column("a", &[])],
        vec![column("a", &[1.0]), column("a", &[1.0])],
        vec![column("a", &[1.0]), column("b", &[1.0, 2.0])],
    ] {
        assert!(DataTable::new("memory", columns).is_err());
    }
}
