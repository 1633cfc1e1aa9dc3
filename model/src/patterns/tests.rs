use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The template of a line that is the first of its kind.
fn masked(line: &str) -> String {
    let mut miner = Miner::new("shop");
    let id = miner.learn(line);
    miner.template(id).expect("it was learnt").to_owned()
}

fn check(line: &str, expected: &str) {
    assert_eq!(masked(line), expected, "{line}");
}

/// The templates of lines once all of them are learnt.
fn templates(lines: &[&str]) -> BTreeSet<String> {
    let mut miner = Miner::new("shop");
    let mut ids: Vec<PatternId> = lines.iter().map(|line| miner.learn(line)).collect();
    for merged in miner.take_merged() {
        ids.iter_mut().filter(|id| **id == merged.from).for_each(|id| *id = merged.into);
    }
    ids.into_iter().map(|id| miner.template(id).expect("it was learnt").to_owned()).collect()
}

fn check_templates(lines: &[&str], expected: &[&str]) {
    assert_eq!(templates(lines), expected.iter().map(|text| (*text).to_owned()).collect(), "{lines:?}");
}

#[test]
fn numbers_ids_and_addresses_are_masked() {
    check("order 4711 took 12.5 ms", "order <*> took <*>");
    check("cart c-81fa closed by user_17", "cart <*> closed by <*>");
    check("id=4bf92f35-77b3-4da6-a3ce-929d0e0e4736 at 0x7ffe", "id=<*> at <*>");
    check("peer 10.1.2.3:8080 (fe80::1ff:fe23:4567:890a) is gone", "peer <*> (<*>) is gone");
    check("card 00:1b:44:11:3a:b7 is up", "card <*> is up");
    check("mail to ada@example.org was sent", "mail to <*> was sent");
    check("freed 3.5 GiB, 7 MB left.", "freed <*> left.");
}

#[test]
fn paths_links_dates_and_quoted_texts_are_masked() {
    check("cannot open /var/lib/shop/cart.db: no space", "cannot open <*>: no space");
    check("GET https://shop.example/cart?id=a&b=c failed", "GET <*> failed");
    check("loaded C:\\shop\\cart.ini and conf/a/b.yaml", "loaded <*> and <*>");
    check("backup of Mon, Feb 3 10:11:12 2025 is kept", "backup of <*> is kept");
    check("no such coupon \"summer sale\" or 'winter'", "no such coupon \"<*>\" or '<*>'");
    check("it's and/or a matter of I/O", "it's and/or a matter of I/O");
}

#[test]
fn keys_are_kept_and_what_is_said_in_json_or_logfmt_is_not_one_quoted_text() {
    check("level=warn msg=\"cart is full\" items=20 user=", "level=warn msg=\"cart is full\" items=<*> user=");
    check(r#"{"level":"info","msg":"cart closed","n":3}"#, r#"{"level":"info","msg":"cart closed","n":<*>}"#);
    check(r#"{ "msg": "cart closed", "ids": [1, 2, 3] }"#, r#"{ "msg": "cart closed", "ids": [<*>] }"#);
}

#[test]
fn a_list_of_values_that_begin_alike_is_one() {
    check_templates(&["drop sku_1", "drop sku_1 sku_2 sku_3", "drop sku_8, sku_9"], &["drop <*>"]);
    check("from db1 5432", "from <*> <*>");
}

#[test]
fn a_word_is_a_value_once_several_others_stood_in_its_place() {
    let lines = ["ada has left the shop", "bob has left the shop", "eve has left the shop", "kim has left the shop"];

    check_templates(&lines[..3], &lines[..3]);
    check_templates(&lines, &["<*> has left the shop"]);
}

#[test]
fn words_in_two_places_are_values_when_each_place_has_several() {
    let line = |user: &str, city: &str| format!("user {user} has signed in from {city} with a key");
    let few = [line("ada", "rome"), line("bob", "oslo"), line("ada", "oslo"), line("bob", "rome")];
    let many =
        [line("ada", "rome"), line("bob", "oslo"), line("eve", "bern"), line("kim", "riga"), line("joe", "nice")];

    assert_eq!(templates(&few.each_ref().map(String::as_str)).len(), 4);
    check_templates(&many.each_ref().map(String::as_str), &["user <*> has signed in from <*> with a key"]);
}

#[test]
fn a_word_where_others_have_a_value_or_nothing_is_a_value() {
    check_templates(&["hello user ada, well met", "hello user 17, well met"], &["hello user <*>, well met"]);
    check_templates(&["call from (desk) is over", "call from () is over"], &["call from (<*>) is over"]);
}

#[test]
fn lines_that_have_little_in_common_stay_apart() {
    check_templates(&["starting", "stopped", "paused", "resumed"], &["starting", "stopped", "paused", "resumed"]);
    check_templates(&["cart opened", "cart closed"], &["cart opened", "cart closed"]);
}

#[test]
fn a_pattern_that_grows_keeps_its_id_and_takes_over_what_it_covers() {
    let mut miner = Miner::new("shop");
    let first = miner.learn("hello user ada, well met");
    let second = miner.learn("hello user bob, well met");

    let grown = miner.learn("hello user 17, well met");

    let merged = miner.take_merged();
    assert_eq!(grown, first);
    assert_eq!(merged, [Merged { from: second, into: first }]);
    assert_eq!(miner.learn("hello user bob, well met"), first);
    assert_eq!(miner.template(second), None);
}

#[test]
fn every_process_gives_a_pattern_the_same_id_and_every_service_another() {
    let id = |service: &str| Miner::new(service).learn("order 1 is paid");

    assert_eq!(id("shop"), id("shop"));
    assert_ne!(id("shop"), id("cart"));
    assert_eq!(id("shop").to_string().parse::<PatternId>().expect("an id"), id("shop"));
    assert!("shop".parse::<PatternId>().is_err() && "+123456789abcdef".parse::<PatternId>().is_err());
}

#[test]
fn a_miner_goes_on_with_the_patterns_of_another() {
    let mut before = Miner::new("shop");
    let id = before.learn("hello user ada, well met");
    before.learn("hello user 17, well met");
    let template = before.template(id).expect("it was learnt").to_owned();

    let mut after = Miner::new("shop");

    assert!(after.know(id, &template));
    assert_eq!(after.learn("hello user bob, well met"), id);
}

#[test]
fn what_two_processes_found_becomes_one_pattern() {
    let mut miner = Miner::new("shop");
    let (mine, theirs) = (miner.learn("order 1 is paid"), Miner::new("theirs").learn("order 1 is paid"));

    assert!(miner.know(theirs, "order <*> is paid"));

    assert_eq!(miner.take_merged(), [Merged { from: theirs, into: mine }]);
}

#[test]
fn two_templates_have_one_that_covers_both() {
    let (ada, guest) = ("user ada is in (rome)", "user guest is in ()");

    assert_eq!(general(ada, guest), "user <*> is in (<*>)");
    assert_eq!(general("user <*> is in (rome)", ada), "user <*> is in (rome)");
    assert_eq!(general(ada, "user ada"), ada);
}

#[test]
fn a_miner_has_only_the_room_it_is_given() {
    let mut miner = Miner::new("shop");
    miner.learn("cart opened");
    miner.keep_at_most(1);

    assert_eq!(miner.learn("cart closed"), miner.other());
    assert_eq!(miner.patterns(), 1);
}

#[test]
fn a_template_covers_the_lines_of_its_pattern_alone() {
    let mut paid = Covers::of("order <*> is paid");

    assert!(paid.covers("order 1 is paid") && paid.covers("\n order  abc is paid\nin rome"));
    assert!(!paid.covers("order 1 is lost") && !paid.covers("order 1 is paid twice") && !paid.covers(""));
    assert_eq!(words("order <*> is paid, größe OR x"), Some("order paid is".to_owned()));
    assert_eq!(words("<*>"), None);
}

#[test]
fn a_pattern_that_was_not_seen_can_be_forgotten_and_comes_back_under_its_id() {
    let mut miner = Miner::new("shop");
    let (paid, lost) = (miner.learn("order 1 is paid"), miner.learn("order 2 is lost"));
    miner.set_time(5);
    miner.learn("order 3 is paid");

    assert_eq!(miner.unseen_since(5).collect::<Vec<_>>(), [(0, lost)]);
    miner.forget(lost);

    assert_eq!((miner.patterns(), miner.template(lost)), (1, None));
    assert_eq!(miner.learn("order 4 is lost"), lost);
    assert_eq!(miner.unseen_since(6).count(), 2);
    assert_eq!(miner.learn("order 5 is paid"), paid);
}

#[test]
fn what_is_over_a_limit_is_cut_or_goes_to_the_others() {
    let words = "a ".repeat(PARTS_MAX + 1);
    let long = "word ".repeat(LINE_BYTES_MAX);
    assert_eq!(masked(&words), format!("{}…", "a ".repeat(PARTS_MAX - 1)));
    assert!(masked(&long).ends_with("word …"));
    check("\n order 1 is lost\n  at shop::cart", "order <*> is lost");

    let mut miner = Miner::new("shop");
    let word = |number: usize| -> String {
        format!("{number:b}").chars().map(|bit| if bit == '1' { 'i' } else { 'o' }).collect()
    };
    (0..PATTERNS_MAX).for_each(|number| _ = miner.learn(&word(number)));
    let id = miner.learn("none of these");

    assert_eq!((id, miner.template(id)), (miner.other(), Some(OTHER)));
    assert_ne!(miner.learn(&word(7)), id);
    assert!(!miner.know(Miner::new("cart").learn("nor this"), "nor this"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_template_is_read_as_the_line_it_was_made_of(line in "([a-c19 =:,;.()\\[\\]{}\"'/@<*>…é-]|Jul |KB |user=){0,40}") {
        let (template, mut after) = (masked(&line), Miner::new("cart"));
        let id = Miner::new("shop").learn(&line);

        after.know(id, &template);

        prop_assert_eq!(after.learn(&line), id);
        prop_assert_eq!(after.template(id), Some(template.as_str()));
    }

    #[test]
    fn no_line_makes_it_panic(lines in proptest::collection::vec("\\PC{0,80}|.{0,80}", 0..20)) {
        let mut miner = Miner::new("shop");
        for line in lines {
            let id = miner.learn(&line);
            prop_assert!(miner.template(id).is_some());
        }
    }

    #[test]
    fn a_line_that_was_learnt_is_found_again(lines in proptest::collection::vec("(a|b|c|1|x=|, ){1,6}", 1..40)) {
        let mut miner = Miner::new("shop");
        lines.iter().for_each(|line| _ = miner.learn(line));
        let before = miner.places.len();

        lines.iter().for_each(|line| _ = miner.learn(line));

        prop_assert_eq!(miner.places.len(), before);
        prop_assert_eq!(miner.places.len(), miner.shapes.values().map(Shape::len).sum::<usize>());

        let all: Vec<PatternId> = miner.unseen_since(1).map(|(_, id)| id).collect();
        all.iter().for_each(|id| miner.forget(*id));

        prop_assert_eq!((all.len(), miner.patterns(), miner.shapes.len()), (before, 0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_line_is_covered_by_the_template_of_its_pattern_and_has_its_words(
        lines in proptest::collection::vec("(ab|cd|ef9|é| |=|\"|, |/|\n|-|x_y|_|'|İ|\u{301}){1,12}", 1..20),
    ) {
        let mut miner = Miner::new("shop");
        let mut ids: Vec<PatternId> = lines.iter().map(|line| miner.learn(line)).collect();
        for merged in miner.take_merged() {
            ids.iter_mut().filter(|id| **id == merged.from).for_each(|id| *id = merged.into);
        }
        for (line, id) in lines.iter().zip(ids) {
            let template = miner.template(id).expect("it was learnt");

            prop_assert!(Covers::of(template).covers(line), "{:?} of {:?}", template, line);
            if let Some(words) = words(template) {
                let query = crate::words::WordQuery::parse(&words).expect("words");
                prop_assert!(query.matches(line), "{:?} of {:?}", words, line);
            }
        }
    }
}
