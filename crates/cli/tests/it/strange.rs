//! Networks that hardly are any, and names as people write them.

use crate::{folder_with, kiln};

#[test]
fn any_text_is_a_name() {
    let text = "\"Doe, Jane\",O'Brien\nO'Brien,\"say \"\"hi\"\"\"\n\"Doe, Jane\",\"say \"\"hi\"\"\"\n\
                \"say \"\"hi\"\"\",Zoë 東京\nZoë 東京,two words\ntwo words,😀\n😀,Zoë 東京\n";
    let folder = folder_with("names.csv", text);
    for (seed, members) in
        [("say \"hi\"", ["Doe, Jane", "O'Brien", "say \"hi\""]), ("😀", ["Zoë 東京", "two words", "😀"])]
    {
        let ran = kiln(folder.path(), &["cluster", "names.csv", "--seed", seed, "--print", "tsv"]);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        assert_eq!(ran.members(), members);
    }
    let ran = kiln(folder.path(), &["cluster", "names.csv", "--seed", "東京"]);
    assert!(ran.status == 2 && ran.err.contains("similar names are \"Zoë 東京\""), "{}", ran.err);
}

#[test]
fn what_is_no_network_has_no_clusters() {
    for text in ["a,b\n", "a,a\n", "a,b\nb,c\n"] {
        let folder = folder_with("few.csv", text);
        let ran = kiln(folder.path(), &["cluster", "few.csv", "--seed", "a"]);
        assert_eq!(ran.status, 1, "{text}: {}{}", ran.out, ran.err);
        assert!(ran.out.starts_with("There is no cluster around a: "), "{}", ran.out);
        let ran = kiln(folder.path(), &["profile", "few.csv"]);
        assert!(ran.out.starts_with("No cluster was seen"), "{text}: {}", ran.out);
    }
    // Two nodes that are tied to nothing but themselves.
    let folder = folder_with("loops.csv", "a,a\nb,b\n");
    let ran = kiln(folder.path(), &["cluster", "loops.csv", "--seed", "a", "--print", "tsv"]);
    assert_eq!((ran.status, ran.members()), (0, vec!["a"]), "{}", ran.out);
}

/// No sentence names what is no option of this program.
#[test]
fn reasons_are_in_the_words_of_the_program() {
    let edges: Vec<String> = (0..60).map(|i| format!("p{i},p{}\n", i + 1)).collect();
    let path = edges.concat();
    let folder = folder_with("path.csv", &path);
    let asked: [(&[&str], &str); 3] = [
        (&["p30"], "it is tied to everything"),
        (&["p30", "p31"], "they are tied to everything"),
        (&["p30", "--alpha", "0.1", "--rho", "0.9"], "take a smaller one"),
    ];
    for (more, words) in asked {
        let arguments: Vec<_> = ["cluster", "path.csv", "--seed"].iter().chain(more).copied().collect();
        let ran = kiln(folder.path(), &arguments);
        let said = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ran.status == 1 && said.contains(words), "{more:?}: {said}");
        assert!(!said.contains("max_") && !said.contains('`'), "{said}");
    }
    let sized = kiln(folder.path(), &["cluster", "path.csv", "--seed", "p30", "--size", "10"]);
    assert_eq!(sized.status, 0, "{}", sized.out);
}

#[test]
fn an_edge_given_twice_weighs_twice() {
    let twice = folder_with("a.csv", "a,b\na,b\nb,c\nc,a\nc,d\nd,e\ne,f\nf,d\n");
    let weighed = folder_with("a.csv", "a,b,2\nb,c,1\nc,a,1\nc,d,1\nd,e,1\ne,f,1\nf,d,1\n");
    let out = |folder: &tempfile::TempDir| {
        kiln(folder.path(), &["cluster", "a.csv", "--seed", "d", "--print", "tsv"]).out
    };
    assert_eq!(out(&twice), out(&weighed));
}
