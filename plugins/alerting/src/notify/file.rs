//! `notifications.yaml`: channels, and what a tenant has settled about being told.

use std::collections::{BTreeMap, BTreeSet};

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Expected, List, Records};
use plugin::yaml::{self, At, Fault, Faults, Node, Value, typed};
use serde::Deserialize;

use super::Delivery;
use super::channel::{CHANNELS_MAX, Channel, ChannelWritten, Origin, Vault};
use super::mute::Inhibition;
use super::mute::matcher::{MATCHERS_MAX, Matcher};
use super::mute::window::{Days, TimeOfDay, Timezone, Window};
use super::plan::{GATHER_SECONDS_MAX, Plan};
use super::trouble;
use crate::pages::all_of;
use crate::rule::Severity;

/// Inhibitions of a tenant, and maintenance windows.
pub(crate) const MUTES_MAX: usize = 100;
/// Labels by which messages are gathered, and in which inhibitions are equal.
const LABELS_MAX: usize = 8;

/// What a file says, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notifications {
    pub(crate) channels: Vec<Channel>,
    pub(crate) plan: Plan,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    public_url: Option<At<String>>,
    channels: Vec<At<ChannelWritten>>,
    delivery: BTreeMap<Severity, Delivery>,
    daily_at: Option<At<String>>,
    gather: GatherWritten,
    inhibitions: Vec<At<InhibitionWritten>>,
    maintenance: Vec<At<WindowWritten>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GatherWritten {
    seconds: Option<At<u32>>,
    by: Option<At<Vec<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InhibitionWritten {
    name: String,
    source: Vec<String>,
    target: Vec<String>,
    #[serde(default)]
    equal: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowWritten {
    name: String,
    weekly: Option<String>,
    monthly: Option<String>,
    from: String,
    to: String,
    timezone: Option<String>,
    #[serde(default)]
    matchers: Vec<String>,
}

/// Reads the file; says everything that is wrong with it.
pub(crate) fn read(text: &str) -> Result<Notifications, Vec<Fault>> {
    let mut faults = Faults::default();
    let Some(written) = typed::<Written>(text, &mut faults) else { return Err(faults.told()) };
    let mut reader = Reader { text, faults };
    let notifications = Notifications { channels: reader.channels(&written.channels), plan: reader.plan(&written) };
    reader.faults.or(notifications)
}

#[derive(Debug)]
struct Reader<'a> {
    text: &'a str,
    faults: Faults,
}

impl Reader<'_> {
    /// The value, or its fault.
    fn keep<T, W>(&mut self, at: &At<W>, read: Result<T, String>) -> Option<T> {
        read.map_err(|problem| self.faults.add(at.place, problem, "")).ok()
    }

    fn channels(&mut self, written: &[At<ChannelWritten>]) -> Vec<Channel> {
        let mut names = BTreeSet::new();
        let mut channels = Vec::new();
        // Only a template that is wrong is looked for in the file once more.
        let (file, mut tree) = (self.text, None);
        for (place, channel) in written.iter().enumerate() {
            let read = if place >= CHANNELS_MAX {
                Err(format!("more than {CHANNELS_MAX} channels"))
            } else if !names.insert(&channel.value.name) {
                Err(format!("there are two channels '{}'", channel.value.name))
            } else if let Err((member, wrong)) = channel.value.wording().check() {
                let tree = tree.get_or_insert_with(|| yaml::parse(file).ok());
                let template = tree.as_ref().and_then(|file| template_of(file, place, member));
                let at = template.map_or(channel.place, |template| template.place_in(wrong.offset));
                let problem = format!("channel '{}': {member}: {}", channel.value.name, wrong.problem);
                self.faults.add(at, problem, wrong.remedy);
                continue;
            } else {
                channel.value.read(&Vault::File)
            };
            channels.extend(self.keep(channel, read));
        }
        channels
    }

    fn plan(&mut self, written: &Written) -> Plan {
        let mut plan = Plan::default();
        plan.delivery.extend(&written.delivery);
        if let Some(url) = &written.public_url {
            plan.public_url = self.keep(url, public_url(&url.value));
        }
        if let Some(time) = &written.daily_at {
            plan.daily_at = self.keep(time, time.value.parse::<TimeOfDay>()).unwrap_or(plan.daily_at);
        }
        if let Some(seconds) = &written.gather.seconds {
            let read = match seconds.value {
                seconds if seconds <= GATHER_SECONDS_MAX => Ok(seconds),
                seconds => Err(format!("gather.seconds is {seconds}, must be at most {GATHER_SECONDS_MAX}")),
            };
            plan.gather_seconds = self.keep(seconds, read).unwrap_or_default();
        }
        if let Some(by) = &written.gather.by {
            self.faults.limit(by.place, "labels of gather.by", by.value.len(), LABELS_MAX);
            plan.gather_by = by.value.iter().take(LABELS_MAX).cloned().collect();
        }
        for inhibition in &written.inhibitions {
            let read = bounded(plan.inhibitions.len()).and_then(|()| inhibition.value.read());
            plan.inhibitions.extend(self.keep(inhibition, read));
        }
        for window in &written.maintenance {
            let read = bounded(plan.maintenance.len()).and_then(|()| window.value.read());
            plan.maintenance.extend(self.keep(window, read));
        }
        plan
    }
}

/// A channel's template where it stands in the file.
fn template_of<'n, 'a>(file: &'n Node<'a>, channel: usize, member: &str) -> Option<&'n Node<'a>> {
    let Value::List(channels) = &member_of(file, "channels")?.value else { return None };
    member_of(channels.get(channel)?, member)
}

fn member_of<'n, 'a>(node: &'n Node<'a>, name: &str) -> Option<&'n Node<'a>> {
    let Value::Members(members) = &node.value else { return None };
    members.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
}

fn bounded(known: usize) -> Result<(), String> {
    if known < MUTES_MAX { Ok(()) } else { Err(format!("more than {MUTES_MAX} of them")) }
}

fn public_url(written: &str) -> Result<String, String> {
    match super::message::is_web(written) && !written.contains(char::is_whitespace) {
        true => Ok(written.trim_end_matches('/').to_owned()),
        false => Err(format!("public_url is '{written}', must be an http or https address")),
    }
}

/// Matchers, all of them.
pub(crate) fn matchers(written: &[String]) -> Result<Vec<Matcher>, String> {
    if written.len() > MATCHERS_MAX {
        return Err(format!("{} matchers, over the limit of {MATCHERS_MAX}", written.len()));
    }
    written.iter().map(|matcher| matcher.parse()).collect()
}

impl InhibitionWritten {
    fn read(&self) -> Result<Inhibition, String> {
        let (source, target) = (matchers(&self.source)?, matchers(&self.target)?);
        if source.is_empty() || target.is_empty() {
            return Err(format!("inhibition '{}' needs matchers as source and as target", self.name));
        }
        if self.equal.len() > LABELS_MAX {
            return Err(format!("inhibition '{}' has more than {LABELS_MAX} labels in equal", self.name));
        }
        Ok(Inhibition { name: self.name.clone(), source, target, equal: self.equal.clone() })
    }
}

impl WindowWritten {
    fn read(&self) -> Result<Window, String> {
        let days = match (&self.weekly, &self.monthly) {
            (Some(day), None) => Days::weekly(day),
            (None, Some(days)) => Days::monthly(days),
            _ => Err(format!("maintenance '{}' must have one of weekly and monthly", self.name)),
        }?;
        let timezone = self.timezone.clone().map(Timezone::try_from).transpose()?.unwrap_or_default();
        let (from, to, matchers) = (self.from.parse()?, self.to.parse()?, matchers(&self.matchers)?);
        Ok(Window { name: self.name.clone(), days, from, to, timezone, matchers })
    }
}

/// Lets the records say what the file says: channels that it has no more go. One of the same name that was made through the API gives
/// way; their names are told, to be warned of.
pub(crate) async fn apply(
    records: &Records,
    tenant: &Tenant,
    notifications: &Notifications,
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    let write = records.transaction(|transaction| async move {
        let (plans, channels) = (transaction.collection::<Plan>(), transaction.collection::<Channel>());
        if Plan::read(&plans, tenant).await? != notifications.plan {
            plans.put(tenant, &Plan::id(), &notifications.plan, Expected::Any).await?;
        }
        let mut replaced = Vec::new();
        let known = all_of(&channels, tenant, &List::all()).await?;
        for channel in &notifications.channels {
            let before = known.iter().find(|record| record.body.name == channel.name);
            if before.is_some_and(|before| before.body.origin == Origin::Api) {
                replaced.push(channel.name.clone());
            }
            if before.is_none_or(|before| before.body != *channel) {
                channels.put(tenant, &Channel::id(&channel.name)?, channel, Expected::Any).await?;
            }
        }
        let is_there = |name: &str| notifications.channels.iter().any(|channel| channel.name == name);
        for gone in known.iter().filter(|one| one.body.origin == Origin::File && !is_there(&one.body.name)) {
            channels.delete(tenant, &gone.id, Expected::Any).await?;
            trouble::clear(&transaction, tenant, &gone.body.name, now).await?;
        }
        Ok::<_, Error>(replaced)
    });
    write.await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file in `docs/alerting-notifications.md` with every member.
    fn documented() -> String {
        let document = include_str!("../../../../docs/alerting-notifications.md");
        let (_, rest) = document.split_once("```yaml\n").expect("an example");
        rest.split_once("```").expect("its end").0.to_owned()
    }

    fn check(text: &str, line: u32, because: &str) {
        let faults = read(text).expect_err(text);
        assert!(faults.iter().any(|fault| fault.problem.contains(because)), "{text}: {faults:?}");
        assert!(faults.iter().any(|fault| fault.place.line == line), "{text}: {faults:?}");
    }

    #[test]
    fn the_documented_file_is_read() {
        let read = read(&documented()).unwrap_or_else(|faults| panic!("{faults:?}"));

        assert_eq!(read.channels.len(), 6);
        assert_eq!((read.plan.inhibitions.len(), read.plan.maintenance.len()), (1, 2));
        assert!(read.channels.iter().all(|channel| channel.origin == Origin::File));
        assert_eq!(super::read("# nothing yet\n").map(|read| read.plan), Ok(Plan::default()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        check("chanels: []\n", 1, "chanels");
        check("channels:\n  - {name: a, email: {sever: a}}\n", 2, "`email` has no member `sever`");
        check("channels:\n  - name: a\n    webhook: {url: 'ftp://example.org'}\n", 2, "http or https");
        check("channels:\n  - {name: A, webhook: {url: 'http://example.org'}}\n", 2, "a-z");
        check("channels:\n  - {name: a}\n", 2, "exactly one");
        check("channels:\n  - {name: a, slack: {url: 'https://hooks.example.org/T0/secret'}}\n", 2, "url_file");
        check("daily_at: 8 o'clock\n", 1, "no time of day");
        check("gather: {seconds: 61}\n", 1, "at most 60");
        let window = "maintenance:\n  - {name: w, weekly: sunday, from: '02:00', to: '04:00', timezone: Mars/Base}\n";
        check(window, 2, "Mars/Base");
        check("inhibitions:\n  - {name: i, source: ['a=~('], target: ['b=c']}\n", 2, "a=~(");
    }

    #[test]
    fn a_template_that_is_wrong_is_told_with_its_line_and_column() {
        let place = |text: &str| {
            let faults = read(text).expect_err(text);
            (faults[0].place.line, faults[0].place.column, faults[0].problem.clone())
        };
        let hook = "webhook: {url: 'http://example.org'}";

        let one_line = place(&format!("channels:\n  - {{name: a, {hook}, title: 'on {{{{ .Statuz }}}}'}}\n"));
        let block =
            format!("channels:\n  - name: a\n    {hook}\n    text: |\n      first\n      {{{{ range .Alert }}}}\n");
        let body = format!("channels:\n  - {{name: a, {hook}, body: '{{\"a\": {{{{ .Title }}}}}}'}}\n");

        assert_eq!((one_line.0, one_line.1), (2, 67), "{one_line:?}");
        assert!(one_line.2.contains("channel 'a': title: `.Statuz`"), "{one_line:?}");
        let block = place(&block);
        assert_eq!((block.0, block.1), (6, 16), "{block:?}");
        let body = place(&body);
        assert!(body.0 == 2 && body.2.contains("no JSON"), "{body:?}");
        check("channels:\n  - {name: a, slack: {url_env: U}, body: '{}'}\n", 2, "only a webhook has a body");
    }

    #[test]
    fn faults_do_not_show_secrets() {
        let text = "channels:\n  - {name: a, slack: {url: 'https://hooks.example.org/T0/hunter2'}}\n";
        let misplaced = "channels:\n  - {name: a, slack: hunter2}\n";
        let mistyped = "channels:\n  - {name: a, email: {password: [hunter2], server: s, from: a@example.org}}\n";

        for text in [text, misplaced, mistyped] {
            let faults = format!("{:?}", read(text).expect_err("faults"));
            assert!(!faults.contains("hunter2"), "{faults}");
        }
    }
}
