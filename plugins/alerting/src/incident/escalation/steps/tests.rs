use proptest::prelude::*;

use super::super::super::document::Opening;
use super::super::super::policy::read;
use super::super::advance;
use super::*;
use crate::rule::Priority;

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
/// Monday, 2026-11-23T00:00:00Z.
const MONDAY: i64 = 1_795_392_000_000_000_000;

fn opened(priority: Priority) -> Incident {
    let opening = Opening {
        title: "checkout is down".to_owned(),
        priority,
        opened_by: "person/1".to_owned(),
        rule: None,
        services: Vec::new(),
        links: Vec::new(),
    };
    Incident::open(1, MONDAY, opening)
}

fn acknowledged(priority: Priority) -> Incident {
    let mut incident = opened(priority);
    incident.acknowledge(MONDAY);
    incident
}

/// Every step so far: minutes since Monday, key, outcome, as they come out when it is looked each minute.
fn taken(policy: &Policy, mut incident: Incident, hours: i64) -> Vec<(i64, String, Outcome)> {
    let mut all = Vec::new();
    for minute in 0..=hours * 60 {
        let now = MONDAY + minute * MINUTE;
        let plan = steps(policy, &incident, now);
        assert!(plan.next_due.is_none_or(|due| due > now));
        for step in plan.steps {
            assert_eq!(step.due, now, "{step:?} comes to the minute");
            all.push((minute, step.key, step.outcome));
        }
        incident = advance(policy, &incident, now).incident;
    }
    all
}

fn check(incident: Incident, hours: i64, expected: &[(i64, &str, Outcome)]) {
    let found = taken(&Policy::default(), incident, hours);
    let found: Vec<_> = found.iter().map(|(minute, key, outcome)| (*minute, key.as_str(), *outcome)).collect();
    assert_eq!(found, expected);
}

#[test]
fn p1_goes_to_frontline_engineering_and_management_at_once() {
    check(
        opened(Priority::P1),
        200,
        &[
            (0, "P1:opened", Outcome::Told),
            (0, "P1:3+management", Outcome::Told),
            (15, "P1:unanswered:3", Outcome::Told),
        ],
    );
    check(acknowledged(Priority::P1), 200, &[(0, "P1:opened", Outcome::Told), (0, "P1:3+management", Outcome::Told)]);
}

#[test]
fn p2_goes_to_engineering_after_four_hours_though_it_is_acknowledged() {
    check(
        acknowledged(Priority::P2),
        200,
        &[(0, "P2:opened", Outcome::Told), (240, "unresolved:1", Outcome::Overtaken), (240, "P2:3", Outcome::Told)],
    );
}

#[test]
fn who_does_not_answer_in_time_is_passed_by_level_after_level() {
    check(
        opened(Priority::P2),
        200,
        &[
            (0, "P2:opened", Outcome::Told),
            (60, "P2:unanswered:1", Outcome::Told),
            (120, "P2:unanswered:2", Outcome::Told),
            (180, "P2:unanswered:3", Outcome::Told),
            (240, "P2:3", Outcome::There),
        ],
    );
}

#[test]
fn p3_goes_to_level_2_after_24_hours_where_the_times_of_levels_do_not_hold() {
    let policy = read("priorities: {P3: {level_times: false}}").expect("a policy");

    let found = taken(&policy, acknowledged(Priority::P3), 200);

    assert_eq!(found[1..], [(24 * 60, "P3:2".to_owned(), Outcome::Told)]);
}

#[test]
fn levels_give_up_what_they_have_not_resolved_in_their_time() {
    check(
        acknowledged(Priority::P3),
        200,
        &[
            (0, "P3:opened", Outcome::Told),
            (240, "unresolved:1", Outcome::Told),
            (24 * 60, "P3:2", Outcome::There),
            (28 * 60, "unresolved:2", Outcome::Told),
        ],
    );
    check(
        acknowledged(Priority::P4),
        200,
        &[
            (0, "P4:opened", Outcome::Told),
            (240, "unresolved:1", Outcome::Told),
            (28 * 60, "unresolved:2", Outcome::Told),
        ],
    );
}

#[test]
fn a_level_with_business_hours_has_its_time_in_them() {
    let found = taken(&Policy::default(), opened(Priority::P4), 40);

    let keys: Vec<_> = found.iter().map(|(minute, key, _)| (minute / 60, key.as_str())).collect();
    // Level 3 has it from 06:00 on, and answers within four hours from 09:00 on.
    assert_eq!(keys, [(0, "P4:opened"), (4, "unresolved:1"), (6, "P4:unanswered:2"), (13, "P4:unanswered:3")]);
}

#[test]
fn nothing_is_due_when_it_is_resolved() {
    let mut incident = opened(Priority::P1);
    incident.resolve(MONDAY);

    let plan = steps(&Policy::default(), &incident, MONDAY + 100 * HOUR);

    assert_eq!((plan.steps, plan.next_due), (Vec::new(), None));
}

#[test]
fn after_a_pause_only_the_highest_step_is_told() {
    let plan = steps(&Policy::default(), &opened(Priority::P2), MONDAY + 10 * HOUR);

    let outcomes: Vec<_> = plan.steps.iter().map(|step| (step.key.as_str(), step.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            ("P2:opened", Outcome::Told),
            ("P2:unanswered:1", Outcome::Overtaken),
            ("P2:unanswered:2", Outcome::Overtaken),
            ("P2:unanswered:3", Outcome::Told),
            ("P2:3", Outcome::There),
        ]
    );
    assert_eq!(plan.level, Level::Management);
}

#[test]
fn after_a_pause_who_is_to_know_at_once_is_told_still() {
    let plan = steps(&Policy::default(), &opened(Priority::P1), MONDAY + 10 * HOUR);

    assert!(plan.steps.iter().all(|step| step.outcome == Outcome::Told), "{plan:?}");
    assert_eq!(plan.steps.len(), 3);
}

#[test]
fn a_priority_that_is_raised_counts_from_then_on() {
    let policy = Policy::default();
    let mut incident = advance(&policy, &acknowledged(Priority::P3), MONDAY).incident;
    let raised = MONDAY + 2 * HOUR;
    incident.set_priority(Priority::P1, raised);

    let plan = steps(&policy, &incident, raised);

    let keys: Vec<_> = plan.steps.iter().map(|step| (step.key.as_str(), step.due)).collect();
    assert_eq!(keys, [("P1:opened", raised), ("P1:3+management", raised)]);
}

#[derive(Clone, Debug)]
enum Happens {
    Look,
    Acknowledge,
    Resolve,
    Reopen,
    Give(Priority),
    Move(Level),
}

fn any_priority() -> impl Strategy<Value = Priority> {
    prop::sample::select(vec![Priority::P1, Priority::P2, Priority::P3, Priority::P4])
}

fn anything() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => Just(Happens::Look),
        1 => Just(Happens::Acknowledge),
        1 => Just(Happens::Resolve),
        1 => Just(Happens::Reopen),
        1 => any_priority().prop_map(Happens::Give),
        1 => prop::sample::select(Level::ALL.to_vec()).prop_map(Happens::Move),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn each_step_is_taken_once_and_never_before_its_time(
        priority in any_priority(),
        events in prop::collection::vec((0..600_i64, anything()), 1..60),
    ) {
        let (policy, mut incident, mut now) = (Policy::default(), opened(priority), MONDAY);
        let mut known = BTreeSet::new();
        for (minutes, happens) in events {
            now += minutes * MINUTE;
            match happens {
                Happens::Acknowledge if incident.is_active => incident.acknowledge(now),
                Happens::Resolve if incident.is_active => incident.resolve(now),
                Happens::Reopen if !incident.is_active => incident.reopen(now),
                Happens::Give(priority) if incident.is_active => incident.set_priority(priority, now),
                Happens::Move(level) if incident.is_active => incident.move_to(level, now),
                _ => {
                    let plan = steps(&policy, &incident, now);
                    let promise = policy.promise(incident.priority);
                    for step in &plan.steps {
                        prop_assert!(step.due <= now, "{:?} at {}", step, now);
                        prop_assert!(step.due >= incident.counts_from.min(incident.level_since), "{:?}", step);
                        prop_assert!(known.insert((incident.reopenings, step.key.clone())), "twice: {:?}", step);
                        if step.why == Why::Unanswered {
                            prop_assert!(incident.acknowledged_at.is_none());
                        }
                        if step.why == Why::Priority {
                            let after = step.due - incident.counts_from;
                            prop_assert!(promise.escalate.iter().any(|escalate| escalate.after == after), "{:?}", step);
                        }
                    }
                    let up = |step: &&Step| step.why != Why::Opened && step.due > incident.counts_from;
                    let told = plan.steps.iter().filter(up).filter(|step| step.outcome == Outcome::Told).count();
                    prop_assert!(told <= 1, "no flood: {:?}", plan);
                    prop_assert!(plan.next_due.is_none_or(|due| due > now));
                    let advanced = advance(&policy, &incident, now).incident;
                    prop_assert!(advanced.due.is_none_or(|due| due > now));
                    incident = advanced;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn who_looks_seldom_finds_the_steps_of_who_looks_often(priority in any_priority(), minutes in 1..6000_i64) {
        let (policy, incident) = (Policy::default(), opened(priority));
        let mut often = incident.clone();
        for minute in (0..minutes).step_by(5) {
            often = advance(&policy, &often, MONDAY + minute * MINUTE).incident;
        }
        often = advance(&policy, &often, MONDAY + minutes * MINUTE).incident;

        let seldom = advance(&policy, &incident, MONDAY + minutes * MINUTE).incident;

        prop_assert_eq!((&often.steps, often.level, often.level_since), (&seldom.steps, seldom.level, seldom.level_since));
        prop_assert_eq!(often.due, seldom.due);
    }
}
