//! Tables as text, as programs and people write them.

use std::io::Write as _;

use kiln_table::{ColumnValues, TableOptions, read_table, read_table_from};

use crate::{cells, lines, names, notes, read, refused, table};

#[test]
fn every_dialect_gives_the_same_table() {
    let plain = table("name,size\nann,1.5\n\"b, o\",2\n");
    assert_eq!(cells(&plain, "name"), ["ann", "b, o"]);
    assert_eq!(plain.numbers("size").unwrap(), [1.5, 2.0]);
    for text in [
        "\u{feff}name,size\r\nann,1.5\r\n\"b, o\",2\r\n",
        "name\tsize\nann\t1.5\nb, o\t2",
        "name;size\nann;1,5\nb, o;2\n\n",
        "name|size\nann|1.5\nb, o|2\n",
        "sep=;\nname;size\nann;1.5\nb, o;2\n",
        "\"name\",\"size\"\n\"ann\",\"1.5\"\n\"b, o\",\"2\"\n",
        " name , size \n ann , 1.5 \n\"b, o\" , 2 \n",
    ] {
        let other = table(text);
        assert_eq!(names(&other), ["name", "size"], "{text}");
        assert_eq!(other.columns(), plain.columns(), "{text}");
    }
    assert!(notes(&table("name;size\nann;1,5\n")).contains("commas"));
}

#[test]
fn compressed_files_are_read_by_their_content() {
    let text = b"a,b\n1,2\n3,4\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bzip2.write_all(text).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(&text[..], ruzstd::encoding::CompressionLevel::Fastest);
    let gzip = gzip.finish().unwrap();
    let two_members = [gzip.clone(), gzip.clone()].concat();
    for bytes in [gzip.clone(), bzip2.finish().unwrap(), zstd] {
        assert_eq!(read(&bytes).unwrap().numbers("b").unwrap(), [2.0, 4.0]);
        let short = read(&bytes[..bytes.len() - 3]).unwrap_err().to_string();
        assert!(short.starts_with("t.csv"), "{short}");
    }
    assert_eq!(cells(&read(&two_members).unwrap(), "a"), ["1", "3", "a", "1", "3"]);
    let error = read(&[gzip, b"more".to_vec()].concat()).unwrap_err().to_string();
    assert!(error.contains("ends before the file does"), "{error}");
}

#[test]
fn missing_values_are_known_and_told() {
    let table = table("x,y\n1,a\n,NA\nNA,\nnan,?\nNULL,b\n2,n/a\n");
    assert_eq!(cells(&table, "x"), ["1", "-", "-", "-", "-", "2"]);
    let column = table.column("x").unwrap();
    assert_eq!(column.missing, [("", 1), ("NA", 1), ("nan", 1), ("NULL", 1)].map(|(w, n)| (w.to_owned(), n)));
    // What only looks like it is a word.
    assert_eq!(cells(&table, "y"), ["a", "-", "-", "-", "b", "n/a"]);
    let options = TableOptions { missing: vec!["-999".into()], ..TableOptions::default() };
    let table = read_table_from("t.csv", "x,y\n-999,1\n5,2\n".as_bytes(), &options).unwrap();
    assert_eq!(table.column("x").unwrap().missing_count(), 1);
}

#[test]
fn types_of_columns() {
    let table = table(
        "number,date,code,truth,mixed,time\n1e3,2024-02-29,007,True,1,2024-01-01 \
         12:00\n-.5,1970-01-01,7,FALSE,x,2024-01-02T00:00:00Z\n",
    );
    assert_eq!(table.numbers("number").unwrap(), [1000.0, -0.5]);
    assert_eq!(table.numbers("date").unwrap(), [19_782.0, 0.0]);
    assert!(table.column("date").unwrap().dates && !table.column("number").unwrap().dates);
    assert_eq!(table.numbers("time").unwrap(), [19_723.5, 19_724.0]);
    assert_eq!(table.numbers("code").unwrap(), [7.0, 7.0]);
    assert_eq!(cells(&table, "truth"), ["true", "false"]);
    assert_eq!(cells(&table, "mixed"), ["1", "x"]);
    let options = TableOptions { words: vec!["code".into()], ..TableOptions::default() };
    let table = read_table_from("t.csv", "code,x\n007,1\n7,2\n".as_bytes(), &options).unwrap();
    assert_eq!(cells(&table, "code"), ["007", "7"]);
}

#[test]
fn a_number_that_is_none_is_told() {
    let rows: String = lines((0..40).map(|i| format!("{i}.5,{i}")));
    let table = table(&format!("x,y\n{rows}unknown,3\n"));
    let said = notes(&table);
    assert!(said.contains("\"x\"") && said.contains("\"unknown\", line 42"), "{said}");
    assert!(matches!(table.column("x").unwrap().values, ColumnValues::Words { .. }));
    let error = table.numbers("x").unwrap_err().to_string();
    assert!(error.contains("t.csv, line 42, column \"x\": \"unknown\" is no number"), "{error}");
}

#[test]
fn names_of_columns() {
    // Two names that are the same, one that is empty, one that is taken.
    let table = table("a,a,,a (2),b\n1,2,3,4,5\n");
    assert_eq!(names(&table), ["a", "a (3)", "column 3", "a (2)", "b"]);
    assert!(notes(&table).contains("two columns \"a\""), "{}", notes(&table));
    // Numbers name nothing, unless a word stands above numbers or they count years.
    let unnamed = crate::table("5.1,3.5,setosa\n4.9,3,setosa\n");
    assert_eq!(names(&unnamed), ["column 1", "column 2", "column 3"]);
    assert_eq!((unnamed.rows(), cells(&unnamed, "column 1")), (2, vec!["5.1".to_owned(), "4.9".to_owned()]));
    assert_eq!(names(&crate::table("0,1,2\n0.5,0.1,0.2\n")), ["0", "1", "2"]);
    assert_eq!(names(&crate::table("country,2019,2020\nFrance,1.5,2\n")), ["country", "2019", "2020"]);
    assert_eq!(names(&crate::table("id,2019\n4,7\n")), ["id", "2019"]);
    let options = TableOptions { names: Some(false), ..TableOptions::default() };
    let table = read_table_from("t.csv", "a,b\nc,d\n".as_bytes(), &options).unwrap();
    assert_eq!(cells(&table, "column 1"), ["a", "c"]);
    // R leaves out the name of the column of row names.
    let r = crate::table("\"x\",\"y\"\n\"1\",5,6\n\"2\",7,8\n");
    assert_eq!(names(&r), ["row names", "x", "y"]);
}

#[test]
fn other_encodings() {
    let table = read(b"name,x\nJos\xe9,1\n\x80uro,2\nann,3\n").unwrap();
    assert_eq!(cells(&table, "name"), ["José", "€uro", "ann"]);
    assert!(notes(&table).contains("2 cells are not UTF-8 (the first in line 2)"), "{}", notes(&table));
    assert!(read(b"\xff\xfea\0,\0b\0").unwrap_err().to_string().contains("iconv"));
}

#[test]
fn a_quote_that_is_a_letter_does_not_swallow_rows() {
    let table = table("label\ttext\n1\t\"hello there\n0\tshe said \"no\"\n1\t5\" screen\n");
    assert_eq!(cells(&table, "text"), ["\"hello there", "she said \"no\"", "5\" screen"]);
    // A line end inside quotes is one cell, and the lines are counted on.
    let error = refused("a,b\n\"x\ny\",1\n2\n3,4\n");
    assert!(error.contains("line 4: 1 cells, but the first line has 2"), "{error}");
}

#[test]
fn what_is_no_table_is_refused_with_a_way_out() {
    for (text, part) in [
        ("", "has no rows"),
        ("a,b\n", "its only line names the columns"),
        ("a,b\n1,2,3\n1,2\n", "line 3: 2 cells, but the first line has 3"),
        ("PK\u{3}\u{4}....", "packed by zip"),
    ] {
        assert!(refused(text).contains(part), "{text}: {}", refused(text));
    }
    let workbook = read_table_from("a.xlsx", &b"PK\x03\x04...."[..], &TableOptions::default()).unwrap_err();
    assert!(workbook.to_string().contains("save the sheet as .csv"));
    assert!(read(b"a,b\n1,\0\0\n").unwrap_err().to_string().contains("no text"));
    assert!(read(b"\x89HDF\r\n").unwrap_err().to_string().contains("HDF5"));
    let folder = tempfile::tempdir().unwrap();
    let error = read_table(folder.path(), &TableOptions::default()).unwrap_err().to_string();
    assert!(error.contains("is a folder"), "{error}");
    let error = read_table(folder.path().join("none.csv"), &TableOptions::default()).unwrap_err().to_string();
    assert!(error.contains("none.csv cannot be read"), "{error}");
    let options = TableOptions { separator: Some('→'), ..TableOptions::default() };
    assert!(read_table_from("t.csv", "a→b\n".as_bytes(), &options).is_err());
}

#[test]
fn a_wide_table_and_one_column() {
    let head: Vec<String> = (0..20_000).map(|i| format!("c{i}")).collect();
    let row: Vec<String> = (0..20_000).map(|i| i.to_string()).collect();
    let wide = table(&format!("{}\n{}\n{}\n", head.join(","), row.join(","), row.join(",")));
    assert_eq!((wide.columns().len(), wide.rows()), (20_000, 2));
    assert_eq!(wide.numbers("c19999").unwrap(), [19_999.0; 2]);
    assert_eq!(table("x\n1\n2\n").numbers("x").unwrap(), [1.0, 2.0]);
    let error = wide.column("c20000").unwrap_err().to_string();
    assert!(error.contains("did you mean"), "{error}");
}

#[cfg(not(feature = "parquet"))]
#[test]
fn binary_formats_say_what_reads_them() {
    assert!(read(b"PAR1....").unwrap_err().to_string().contains("feature `parquet`"));
}
