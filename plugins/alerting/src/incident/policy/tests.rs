use plugin::yaml::Fault;

use super::*;

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn at(text: &str) -> i64 {
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    i64::try_from(time.expect("a time").unix_timestamp_nanos()).expect("of this age")
}

fn names(people: &[&Person]) -> Vec<String> {
    people.iter().map(|person| person.id.clone()).collect()
}

fn refused(text: &str, line: u32, because: &str) {
    let faults = read(text).expect_err("no policy");
    let told = |fault: &Fault| fault.place.line == line && fault.problem.contains(because);
    assert!(faults.iter().any(told), "{text}\n{faults:?}");
}

#[test]
fn the_default_is_the_table_of_priorities() {
    let policy = Policy::default();
    let table = [
        (Priority::P1, 15 * MINUTE, 4 * HOUR, &["SMS", "Email", "Slack", "PagerDuty"][..]),
        (Priority::P2, HOUR, 24 * HOUR, &["Email", "Slack"]),
        (Priority::P3, 4 * HOUR, 48 * HOUR, &["Email"]),
        (Priority::P4, 24 * HOUR, 7 * DAY, &["Email"]),
    ];
    let escalations = [
        (Priority::P1, Some((0, vec![Level::Three, Level::Management]))),
        (Priority::P2, Some((4 * HOUR, vec![Level::Three]))),
        (Priority::P3, Some((24 * HOUR, vec![Level::Two]))),
        (Priority::P4, None),
    ];

    for (priority, response, resolution, notify) in table {
        let promise = policy.promise(priority);
        assert_eq!((promise.response, promise.resolution), (response, resolution), "{priority:?}");
        assert_eq!(promise.notify, notify, "{priority:?}");
    }
    for (priority, expected) in escalations {
        let escalate = policy.promise(priority).escalate.iter();
        let found: Vec<_> = escalate.map(|escalate| (escalate.after, escalate.to.iter().copied().collect())).collect();
        assert_eq!(found, Vec::from_iter(expected), "{priority:?}");
    }
}

#[test]
fn the_default_is_the_table_of_levels_and_names_nobody() {
    let policy = Policy::default();

    for (level, name, response, escalate) in [
        (Level::One, "frontline", Some(HOUR), Some((4 * HOUR, Level::Two))),
        (Level::Two, "technical", Some(2 * HOUR), Some((24 * HOUR, Level::Three))),
        (Level::Three, "engineering", Some(4 * HOUR), None),
        (Level::Management, "management", None, None),
    ] {
        let standing = policy.standing(level);
        assert_eq!((standing.name.as_str(), standing.response, standing.escalate), (name, response, escalate));
        assert!(policy.on_call(level, 0).is_empty());
        let is_always = *standing.hours == Calendar::Always;
        assert_eq!(is_always, level != Level::Three, "only engineering has business hours");
    }
    assert!(!policy.auto_resolve && policy.people.is_empty());
}

const OWN: &str = r##"
priorities:
  P2: {response: 30m, notify: [Slack]}
levels:
  2:
    members: [person-3]
    rotations:
      - name: primary
        zone: Europe/Berlin
        participants: [person-1, person-2]
        start: 2026-01-05
        handover: 09:00
        length: 1w
      - zone: Europe/Berlin
        participants: [person-3]
        start: 2026-01-05
        handover: 00:00
        length: 12h
        outside: office
calendars:
  office:
    zone: Europe/Berlin
    week: {monday-thursday: [09:00-12:00, 13:00-17:00], friday: [09:00-12:00]}
    holidays: [2026-12-25]
    exceptions: {2026-12-24: [09:00-12:00]}
people:
  person-1: {name: Person One, contacts: {email: person-1@example.org, phone: "+00 000", slack: "#one"}}
  person-2: {}
  person-3: {contacts: {Ops-Webhook: three}}
"##;

#[test]
fn what_a_file_leaves_out_is_as_in_the_default() {
    let policy = read(OWN).unwrap_or_else(|faults| panic!("{faults:?}"));

    let promise = policy.promise(Priority::P2);
    assert_eq!((promise.response, promise.resolution, promise.notify.len()), (30 * MINUTE, 24 * HOUR, 1));
    assert_eq!(promise.escalate, Policy::default().promise(Priority::P2).escalate);
    assert_eq!(policy.promise(Priority::P1), Policy::default().promise(Priority::P1));
    assert_eq!(policy.standing(Level::Two).response, Some(2 * HOUR));
}

#[test]
fn members_and_layers_are_on_call_together_each_once() {
    let policy = read(OWN).unwrap_or_else(|faults| panic!("{faults:?}"));
    let on_call = |when: &str| names(&policy.on_call(Level::Two, at(when)));

    assert_eq!(on_call("2026-01-05T08:59:00+01:00"), ["person-3"]);
    assert_eq!(on_call("2026-01-05T10:00:00+01:00"), ["person-3", "person-1"]);
    assert_eq!(on_call("2026-01-12T20:00:00+01:00"), ["person-3", "person-2"]);
    assert_eq!(on_call("2026-12-25T10:00:00+01:00")[0], "person-3");
}

#[test]
fn people_are_reached_by_the_name_of_a_channel_in_any_case() {
    let policy = read(OWN).unwrap_or_else(|faults| panic!("{faults:?}"));
    let [one, three] = [&policy.people["person-1"], &policy.people["person-3"]];

    assert_eq!(one.contact("Email"), Some("person-1@example.org"));
    assert_eq!(one.contact("SMS"), Some("+00 000"));
    assert_eq!((one.contact("PagerDuty"), three.contact("ops-webhook")), (None, Some("three")));
}

#[test]
fn a_policy_is_read_as_it_is_written() {
    for text in ["", OWN] {
        let policy = read(text).unwrap_or_else(|faults| panic!("{faults:?}"));

        let again = read(&policy.to_yaml()).unwrap_or_else(|faults| panic!("{}\n{faults:?}", policy.to_yaml()));

        assert_eq!(again.to_yaml(), policy.to_yaml());
        assert_eq!((again.levels, again.priorities), (policy.levels, policy.priorities));
    }
}

#[test]
fn the_example_of_the_documentation_is_a_policy() {
    let document = include_str!("../../../../../docs/incidents.md");
    let example = document.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");

    let policy = read(example).unwrap_or_else(|faults| panic!("{faults:?}"));

    let on_call = |level, when: &str| names(&policy.on_call(level, at(when)));
    assert_eq!(on_call(Level::One, "2026-12-25T10:00:00+01:00"), ["person-3"]);
    assert_eq!(on_call(Level::Three, "2026-12-21T10:00:00+01:00"), ["person-3"]);
    assert_eq!(on_call(Level::Management, "2026-12-21T10:00:00+01:00"), ["person-4"]);
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    refused("priorities:\n  P5: {response: 1h}\n", 2, "'P5' is no priority");
    refused("priorities:\n  P1:\n    response: soon\n", 3, "'soon' is not a time");
    refused("priorities:\n  P1:\n    response: 0s\n", 3, "'0s' is not a time");
    refused("priorities:\n  P1:\n    resolution: 400d\n", 3, "366 days");
    refused("priorities:\n  P1: {escalate: [{after: 1h, to: [4]}]}\n", 2, "'4' is no level");
    refused("priorities:\n  P1: {escalate: [{after: 1h, to: []}]}\n", 2, "goes to nobody");
    refused("priorities:\n  P1: {notify: [Email, '']}\n", 2, "no name of a channel");
    refused("priorities:\n  P1: {notify: [\"a\\tb\"]}\n", 2, "no name of a channel");
    refused("levels:\n  4: {name: x}\n", 2, "'4' is no level");
    refused("levels:\n  2: {escalate: {after: 1h, to: 1}}\n", 2, "level 2 cannot escalate to '1'");
    refused("levels:\n  1: {members: [person-1]}\n", 2, "'person-1' is nobody");
    refused("levels:\n  1: {hours: sometimes}\n", 2, "no calendar 'sometimes'");
    refused("calendars:\n  a: {zone: Mars, week: {monday: [09:00-17:00]}}\n", 2, "'Mars' is no time zone");
    refused("calendars:\n  a: {zone: UTC, week: {}}\n", 2, "nothing counts");
    refused("calendars:\n  a: {zone: UTC, week: {friday-monday: [09:00-17:00]}}\n", 2, "is no day");
    refused("calendars:\n  a: {zone: UTC, week: {monday: [09:00-12:00, 11:00-13:00]}}\n", 2, "'11:00-13:00'");
    refused("calendars:\n  a: {zone: UTC, week: {monday: [17:00-25:00]}}\n", 2, "'17:00-25:00'");
    refused("calendars:\n  a: {zone: UTC, week: {monday: [08:00-09:00]}, holidays: [christmas]}\n", 2, "'christmas'");
    refused("people: {a: {contact: {}}}\n", 1, "has no member `contact`");
    refused("levels: {1: {hours: 24x7, hours: 24x7}}\n", 1, "`hours` is there twice");
    refused("levels: {2: {escalate: {after: 1h}}}\n", 1, "there is no `to`");
    refused("auto_resolve: perhaps\n", 1, "`auto_resolve` is a text");
    refused("levels: [", 1, "");
    let rotation = |text: &str| format!("people: {{p: {{}}}}\nlevels:\n  1:\n    rotations:\n      - {text}\n");
    let whole = "zone: UTC, start: 2026-01-01, handover: 09:00, length: 1d";
    refused(&rotation(&format!("{{{whole}, participants: []}}")), 5, "no participants");
    refused(&rotation(&format!("{{{whole}, participants: [p], during: business, outside: business}}")), 5, "both");
    let over = "overrides: [{from: 2026-01-02T00:00:00Z, to: 2026-01-01T00:00:00Z, person: p}]";
    refused(&rotation(&format!("{{{whole}, participants: [p], {over}}}")), 5, "ends before it begins");
}

#[test]
fn all_faults_are_told_at_once_in_their_order() {
    let text = "levels:\n  1: {members: [a, b]}\npriorities:\n  P1: {response: x}\n";

    let lines: Vec<u32> = read(text).expect_err("no policy").iter().map(|fault| fault.place.line).collect();

    assert_eq!(lines, [2, 2, 4]);
}

#[test]
fn unknown_members_are_told_together_with_what_was_meant() {
    let text = "peoples: {}\nlevels:\n  1: {member: [a]}\n";

    let faults: Vec<String> = read(text).expect_err("no policy").iter().map(Fault::to_string).collect();

    assert_eq!(
        faults,
        [
            "line 1, column 1: the file has no member `peoples`; did you mean people?",
            "line 3, column 7: `1` has no member `member`; did you mean members?",
        ]
    );
}
