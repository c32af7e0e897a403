//! The log beside a naive model of it, under random operations.

use everwire_protocol::{Epoch, From, Payload, Position, PublishId};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Operation {
    Append { size: usize, id: Option<u8> },
    Wait(u64),
    Read { after: u64, bytes: usize },
    Resolve(u8, u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0_usize..60, proptest::option::of(0_u8..12)).prop_map(|(size, id)| Operation::Append { size, id }),
        1 => (0_u64..120).prop_map(Operation::Wait),
        2 => (0_u64..40, 1_usize..200).prop_map(|(after, bytes)| Operation::Read { after, bytes }),
        2 => (0_u8..5, 0_u64..40).prop_map(|(kind, n)| Operation::Resolve(kind, n)),
    ]
}

/// All that was ever appended, and by what rules it is still there.
struct Model {
    /// Time and encoded size of each record; the index is the offset less 1.
    all: Vec<(u64, usize)>,
    first_kept: usize,
    keys: Vec<(u64, u8, u64)>,
    retention: Retention,
    limits: KeyLimits,
}

impl Model {
    fn expire(&mut self, now: u64) {
        while self.first_kept < self.all.len() && self.all[self.first_kept].0 + self.retention.age <= now {
            self.first_kept += 1;
        }
        let age = self.limits.age;
        self.keys.retain(|(time, ..)| time + age > now);
    }

    fn append(&mut self, now: u64, size: usize, id: Option<u8>) -> (u64, bool) {
        self.expire(now);
        if let Some((.., offset)) = id.and_then(|id| self.keys.iter().find(|key| key.1 == id)) {
            return (*offset, true);
        }
        self.all.push((now, size));
        let offset = self.all.len() as u64;
        if let Some(id) = id {
            self.keys.push((now, id, offset));
            let over = self.keys.len().saturating_sub(self.limits.count);
            self.keys.drain(..over);
        }
        while self.all.len() - self.first_kept > 1 && {
            let kept = &self.all[self.first_kept..];
            kept.len() > self.retention.records
                || kept.iter().map(|(_, size)| size).sum::<usize>() > self.retention.bytes
        } {
            self.first_kept += 1;
        }
        (offset, false)
    }
}

proptest! {
    #[test]
    fn the_log_does_what_a_naive_model_does(operations in prop::collection::vec(operation(), 1..120)) {
        let retention = Retention { records: 8, bytes: 250, age: 300 };
        let limits = KeyLimits { count: 5, age: 200 };
        let epoch = Epoch::from_number(7);
        let at = |offset| Position { epoch, offset };
        let mut log = TopicLog::new(epoch, retention, limits);
        let mut model = Model { all: Vec::new(), first_kept: 0, keys: Vec::new(), retention, limits };
        let mut now = 1_000;
        for operation in operations {
            let (top, oldest) = (model.all.len() as u64, model.first_kept as u64 + 1);
            match operation {
                Operation::Append { size, id } => {
                    let payload = Payload::bytes(vec![0; size]);
                    let id_text = id.and_then(|id| PublishId::new(&format!("k.{id}")).ok());
                    let new = NewRecord { payload, key: None, from: None, id: id_text };
                    let encoded = Entry::new(everwire_protocol::Record {
                        offset: 1, time: now, payload: new.payload.clone(), key: None, from: None, id: new.id.clone(),
                    }).encoded.len();
                    let appended = log.append(now, new);
                    let (offset, repeated) = model.append(now, encoded, id);
                    prop_assert_eq!(appended, Appended { position: at(offset), repeated });
                }
                Operation::Wait(time) => {
                    now += time;
                    log.expire(now);
                    model.expire(now);
                }
                Operation::Read { after, bytes } => match log.read(at(after), BatchLimit { bytes, records: 5 }) {
                    Read::Gap(gap) => {
                        prop_assert!(after > top || after + 1 < oldest);
                        prop_assert_eq!(gap.to.is_none(), after > top);
                        prop_assert_eq!(gap.position, at(oldest - 1));
                    }
                    Read::UpToDate => prop_assert_eq!(after, top),
                    Read::Batch(batch) => {
                        let offsets: Vec<_> = batch.entries.iter().map(|e| e.record.offset).collect();
                        let expected: Vec<_> = (after + 1..=top).take(offsets.len()).collect();
                        prop_assert!(!offsets.is_empty() && offsets.len() <= 5);
                        prop_assert_eq!(&offsets, &expected);
                        prop_assert!(batch.bytes <= bytes || offsets.len() == 1);
                        prop_assert_eq!(batch.last, at(after + offsets.len() as u64));
                        prop_assert_eq!(batch.more, batch.last.offset < top);
                    }
                },
                Operation::Resolve(kind, n) => {
                    let from = match kind {
                        0 => From::Latest,
                        1 => From::Earliest,
                        2 => From::Last(n as u32),
                        3 => From::Position(at(n)),
                        _ => From::Position(Position { epoch: Epoch::from_number(8), offset: n }),
                    };
                    let start = log.resolve(from);
                    let expected = match kind {
                        0 => top,
                        1 => oldest - 1,
                        2 => top.saturating_sub(n).max(oldest - 1),
                        3 if n <= top && n + 1 >= oldest => n,
                        _ => oldest - 1,
                    };
                    prop_assert_eq!(start.position, at(expected));
                    prop_assert_eq!(start.recovered, kind == 3 && expected == n && n <= top && n + 1 >= oldest);
                    prop_assert_eq!(start.gap.is_some(), kind >= 3 && !start.recovered);
                    // Whatever the start was, what is read from it on has no hole.
                    let read = log.read(start.position, BatchLimit::default());
                    prop_assert!(!matches!(read, Read::Gap(_)), "{:?}", read);
                }
            }
            let (top, oldest) = (model.all.len() as u64, model.first_kept as u64 + 1);
            prop_assert_eq!(log.top(), at(top));
            prop_assert_eq!(log.oldest(), oldest);
            prop_assert_eq!(log.len() as u64, top + 1 - oldest);
        }
    }
}
