//! Events through Redis Streams, for processes that share the work of a consumer.
//!
//! The outbox stays the log that lasts: the stream has the outbox's sequences as its ids, so its last id says what has to be carried next,
//! also after Redis has lost some or all of it. Offsets are written back to the records. Who is dead is judged by beats that do not
//! change, on a clock that never jumps; the idle times of `XAUTOCLAIM` are those of a clock that does.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use records::{Outbox, PAGE_MAX, Sequence};
use redis::{Cmd, FromRedisValue, cmd};

use super::config::Config;
use super::error::EventsError;
use super::event::Event;
use super::telemetry::Telemetry;
use super::transport::{Member, Taken, Transport};
use crate::redis::Redis;

const APPEND: &str = include_str!("append.lua");
const PROGRESS: &str = include_str!("progress.lua");
const TAKE_OVER: &str = include_str!("take_over.lua");
/// Events carried at once; bounds what one answer of Redis has to wait for.
const CARRIED_MAX: usize = 100;
/// What a member's beat says when it is gone.
const LEFT: &str = "left";

/// Id and fields of an entry; an entry that was dropped meanwhile has no fields.
type Entry = (String, Option<HashMap<String, String>>);
/// What a read gives: streams with their entries, or nothing.
type Answer = Option<Vec<(String, Vec<Entry>)>>;

#[derive(Debug)]
pub(super) struct Streams {
    redis: Redis,
    outbox: Outbox,
    kept_max: u64,
    silent_time_max: Duration,
    telemetry: Arc<Telemetry>,
}

impl Streams {
    pub(super) fn new(redis: Redis, outbox: Outbox, config: &Config, telemetry: Arc<Telemetry>) -> Self {
        let silent_time_max = Duration::from_millis(config.silent_ms_max);
        Self { redis, outbox, kept_max: config.kept_max, silent_time_max, telemetry }
    }

    /// Appends behind `last` and gives the last sequence; nothing is appended when another is the last.
    async fn append(&self, last: Sequence, events: Vec<records::Event>) -> Result<Sequence, EventsError> {
        let mut append = cmd("EVAL");
        append.arg(APPEND).arg(1).arg(stream(&self.redis)).arg(last.0).arg(self.kept_max);
        for event in events {
            let sequence = event.sequence.0;
            let event = serde_json::to_string(&Event::from(event)).map_err(EventsError::NotJson)?;
            append.arg(sequence).arg(event);
        }
        let (last, missed): (u64, Vec<(String, u64)>) = self.redis.ask(&append).await?;
        for (consumer, events) in missed {
            self.telemetry.missed(&consumer, events);
        }
        Ok(Sequence(last))
    }
}

#[async_trait]
impl Transport for Streams {
    async fn carry(&self) -> Result<Sequence, EventsError> {
        let mut last = self.append(Sequence(0), Vec::new()).await?;
        let published = self.outbox.number().await?;
        if published < last {
            // The records are older than the stream: they were restored, or belong to another installation with this prefix.
            self.telemetry.stream_reset(last, published);
            let _: () = self.redis.ask(&Cmd::del(stream(&self.redis))).await?;
            last = Sequence(0);
        }
        while last < published {
            let events = self.outbox.after(last, CARRIED_MAX.min(PAGE_MAX)).await?;
            if events.is_empty() {
                break;
            }
            last = self.append(last, events).await?;
        }
        Ok(last)
    }

    async fn join(&self, consumer: &str, name: &str) -> Result<Option<Box<dyn Member>>, EventsError> {
        let mut member = Reader {
            redis: self.redis.clone(),
            outbox: self.outbox.clone(),
            consumer: consumer.to_owned(),
            name: name.to_owned(),
            is_sure: true,
            offset: Sequence(0),
            others: HashMap::new(),
            silent_time_max: self.silent_time_max,
            telemetry: Arc::clone(&self.telemetry),
        };
        // First of all a stream that is not of these records is put away, and what its groups have read with it.
        self.carry().await?;
        member.make_group().await?;
        Ok(Some(Box::new(member)))
    }
}

#[derive(Debug)]
struct Reader {
    redis: Redis,
    outbox: Outbox,
    consumer: String,
    name: String,
    /// False when an answer may have been lost, and events with it that Redis believes this member has.
    is_sure: bool,
    /// Settled by all members, as the outbox knows it.
    offset: Sequence,
    /// The other members.
    others: HashMap<String, Beat>,
    silent_time_max: Duration,
    telemetry: Arc<Telemetry>,
}

/// The last beat of another member, and since when it is the last.
#[derive(Debug)]
struct Beat {
    said: String,
    since: Instant,
}

impl Reader {
    /// The group begins where the consumer has got to, if Redis does not know the group.
    async fn make_group(&mut self) -> Result<(), EventsError> {
        self.offset = self.outbox.offset(&self.consumer).await?.unwrap_or_default();
        // The outbox keeps what a consumer has not settled from the time it is known there.
        self.outbox.ack(&self.consumer, self.offset).await?;
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(stream(&self.redis)).arg(&self.consumer);
        create.arg(id(self.offset)).arg("MKSTREAM");
        match self.redis.ask::<()>(&create).await {
            Err(refusal) if !refusal.is("BUSYGROUP") => Err(refusal.into()),
            _ => Ok(()),
        }
    }

    async fn read(&mut self, from: &str, most: usize) -> Result<Vec<Entry>, EventsError> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(&self.consumer).arg(&self.name).arg("COUNT").arg(most);
        read.arg("STREAMS").arg(stream(&self.redis)).arg(from);
        let streams: Option<Answer> = self.ask(&read).await?;
        Ok(streams.flatten().into_iter().flatten().flat_map(|(_, entries)| entries).collect())
    }

    /// What one command answers; nothing when Redis has forgotten all, which the outbox then brings back.
    async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<Option<T>, EventsError> {
        match self.redis.ask_once(command).await {
            Ok(answer) => Ok(Some(answer)),
            Err(refusal) if refusal.is("NOGROUP") => {
                self.make_group().await?;
                Ok(None)
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The events of entries; those that were dropped while somebody had them are counted.
    async fn admit(&mut self, entries: Vec<Entry>, was_begun: bool) -> Result<Vec<Taken>, EventsError> {
        let (mut taken, mut gone, mut missed) = (Vec::new(), Vec::new(), 0);
        for (id, fields) in entries {
            let Some(sequence) = sequence(&id) else { continue };
            let fields = fields.unwrap_or_default();
            match fields.get("event").and_then(|event| serde_json::from_str(event).ok()) {
                Some(event) => taken.push(Taken { sequence, event, was_begun }),
                None => {
                    gone.push(sequence);
                    missed += fields.get("missing").and_then(|events| events.parse().ok()).unwrap_or(1);
                }
            }
        }
        self.settle(&gone).await?;
        self.telemetry.missed(&self.consumer, missed);
        Ok(taken)
    }

    /// Writes down how far all members together are.
    async fn write_offset(&mut self) -> Result<(), EventsError> {
        let mut progress = cmd("EVAL");
        progress.arg(PROGRESS).arg(1).arg(stream(&self.redis)).arg(&self.consumer);
        let settled = self.ask::<u64>(&progress).await?.map_or(self.offset, Sequence);
        if settled > self.offset {
            self.outbox.ack(&self.consumer, settled).await?;
            self.offset = settled;
        }
        Ok(())
    }

    fn hear(&mut self, mut beats: HashMap<String, String>) {
        beats.remove(&self.name);
        self.others.retain(|name, beat| beats.get(name) == Some(&beat.said));
        for (name, said) in beats {
            self.others.entry(name).or_insert_with(|| Beat { said, since: Instant::now() });
        }
    }

    async fn take_over(&mut self, silent: &str, most: usize) -> Result<Vec<Taken>, EventsError> {
        let mut take_over = cmd("EVAL");
        take_over.arg(TAKE_OVER).arg(2).arg(stream(&self.redis)).arg(members(&self.redis, &self.consumer));
        take_over.arg(&self.consumer).arg(&self.name).arg(silent).arg(most);
        let was_sure = mem::replace(&mut self.is_sure, false);
        let (had, entries): (u64, Vec<Entry>) = self.ask(&take_over).await?.unwrap_or_default();
        self.telemetry.taken_over(&self.consumer, had);
        self.telemetry.missed(&self.consumer, had - entries.len() as u64);
        let taken = self.admit(entries, true).await?;
        self.is_sure = was_sure;
        Ok(taken)
    }
}

#[async_trait]
impl Member for Reader {
    async fn take(&mut self, most: usize) -> Result<Vec<Taken>, EventsError> {
        let was_sure = mem::replace(&mut self.is_sure, false);
        // When in doubt, all that this member has; whoever asks knows which of them never arrived.
        let (from, most) = if was_sure { (">", most) } else { ("0", PAGE_MAX) };
        let entries = self.read(from, most).await?;
        let taken = self.admit(entries, !was_sure).await?;
        self.is_sure = true;
        Ok(taken)
    }

    async fn settle(&mut self, settled: &[Sequence]) -> Result<(), EventsError> {
        if settled.is_empty() {
            return Ok(());
        }
        let mut ack = cmd("XACK");
        ack.arg(stream(&self.redis)).arg(&self.consumer);
        for sequence in settled {
            ack.arg(id(*sequence));
        }
        Ok(self.redis.ask(&ack).await?)
    }

    async fn beat(&mut self, most: usize) -> Result<Vec<Taken>, EventsError> {
        let members = members(&self.redis, &self.consumer);
        let _: i64 = self.redis.ask(&Cmd::hincr(&members, &self.name, 1)).await?;
        self.hear(self.redis.ask(&Cmd::hgetall(&members)).await?);
        self.write_offset().await?;
        let silent = self.others.keys().find(|name| !self.lives(name)).cloned();
        match silent {
            Some(silent) => self.take_over(&silent, most).await,
            None => Ok(Vec::new()),
        }
    }

    fn lives(&self, name: &str) -> bool {
        name == self.name
            || self
                .others
                .get(name)
                .is_some_and(|beat| beat.said != LEFT && beat.since.elapsed() < self.silent_time_max)
    }

    async fn leave(&mut self) -> Result<(), EventsError> {
        self.write_offset().await?;
        let members = members(&self.redis, &self.consumer);
        Ok(self.redis.ask(&Cmd::hset(members, &self.name, LEFT)).await?)
    }
}

fn stream(redis: &Redis) -> String {
    redis.key("events")
}

fn members(redis: &Redis, consumer: &str) -> String {
    redis.key(&format!("events:members:{consumer}"))
}

fn id(sequence: Sequence) -> String {
    format!("{}-0", sequence.0)
}

fn sequence(id: &str) -> Option<Sequence> {
    id.strip_suffix("-0")?.parse().ok().map(Sequence)
}
