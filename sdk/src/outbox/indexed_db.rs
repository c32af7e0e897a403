//! The store for publishes in IndexedDB. Each publish carries the name of the client that owns it, and each
//! living client holds a Web Lock of its name: what belongs to nobody who lives may be taken over. Knows
//! neither the session nor the network.

use std::{cell::RefCell, time::Duration};

use everwire_core::StoredPublish;
use everwire_protocol::PublishId;
use idb::{
    Database, DatabaseEvent, Factory, ObjectStore, ObjectStoreParams, Transaction, TransactionMode,
    TransactionResult,
};
use wasm_bindgen::prelude::*;
use web_sys::IdbDatabase;

use super::{
    OutboxStore, StoreError,
    record::{self, Found},
};
use crate::{lock::Lock, name::random_name};

/// The database's version: what is in it, and not the form of a record, which tells its own.
const VERSION: u32 = 1;
/// The only object store. Its keys count up, so that their order is the order of publishing.
const STORE: &str = "outbox";
/// Most records that are looked at when a client starts. The rest waits for the next one.
const MOST: u32 = 4_096;
/// No publish waits longer, whatever its record says: a wall clock that was set back must not keep one for ever.
const MOST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Keeps publishes in IndexedDB, so that a reload or a crash loses none. With the feature `indexeddb`.
///
/// Any number of clients, in any number of tabs, share one database: each sends its own publishes, and the next
/// one that starts takes over what a dead one left. They are sent with that one's token: choose one name for each
/// server and user.
///
/// It needs IndexedDB and Web Locks, which browsers have on secure origins only; without them nothing is kept, and
/// an [`OutboxEvent::Unpersisted`](crate::OutboxEvent) says so.
pub struct IndexedDb {
    name: String,
    open: RefCell<Option<Open>>,
}

/// What is there once it is loaded.
struct Open {
    database: Database,
    owner: String,
    /// None while the page is put aside.
    lock: Option<Lock>,
    /// Where this client's publishes are.
    keys: Vec<(PublishId, JsValue)>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.database.close();
    }
}

impl IndexedDb {
    /// A store in the database of this name, which is made when it is missing.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), open: RefCell::new(None) }
    }

    /// The name of an owner's lock.
    fn lock_of(&self, owner: &str) -> String {
        ["everwire:", &self.name, ":", owner].concat()
    }

    async fn take_lock(&self, owner: &str) -> Result<Option<Lock>, StoreError> {
        Lock::try_take(&self.lock_of(owner)).await.map_err(|_| StoreError::Unavailable)
    }

    fn transaction(&self) -> Result<(Transaction, ObjectStore), StoreError> {
        let open = self.open.borrow();
        let open = open.as_ref().ok_or(StoreError::Unavailable)?;
        begin(&open.database, TransactionMode::ReadWrite)
    }

    /// Takes over what the dead have left. Returns it with its keys, the oldest first.
    async fn adopt(
        &self,
        database: &Database,
        me: &str,
    ) -> Result<Vec<(JsValue, StoredPublish)>, StoreError> {
        let (transaction, store) = begin(database, TransactionMode::ReadOnly)?;
        let records = store.get_all(None, Some(MOST)).map_err(refused)?.await.map_err(refused)?;
        drop(transaction);
        // A transaction ends when nothing is asked of it, so the locks are taken between two of them; what was
        // read before is then read again.
        let mut dead: Vec<(String, Lock)> = Vec::new();
        let mut alive: Vec<String> = Vec::new();
        let mut rubbish = false;
        for record in &records {
            match record::look(record) {
                Found::Publish { owner } => {
                    if !alive.contains(&owner) && !dead.iter().any(|(other, _)| *other == owner) {
                        match self.take_lock(&owner).await? {
                            Some(lock) => dead.push((owner, lock)),
                            None => alive.push(owner),
                        }
                    }
                }
                Found::Newer => {}
                Found::Rubbish => rubbish = true,
            }
        }
        if dead.is_empty() && !rubbish {
            return Ok(Vec::new());
        }
        let (transaction, store) = begin(database, TransactionMode::ReadWrite)?;
        let keys = store.get_all_keys(None, Some(MOST)).map_err(refused)?.await.map_err(refused)?;
        let records = store.get_all(None, Some(MOST)).map_err(refused)?.await.map_err(refused)?;
        let mut adopted = Vec::new();
        for (key, record) in keys.into_iter().zip(records) {
            let publish = match record::look(&record) {
                Found::Publish { owner } if dead.iter().any(|(other, _)| *other == owner) => {
                    record::read(&record, MOST_AGE)
                }
                Found::Publish { .. } | Found::Newer => continue,
                Found::Rubbish => None,
            };
            if let Some(publish) = publish {
                record::set_owner(&record, me);
                store.put(&record, Some(&key)).map_err(refused)?.await.map_err(refused)?;
                adopted.push((key, publish));
            } else {
                store.delete(key).map_err(refused)?.await.map_err(refused)?;
            }
        }
        commit(transaction).await?;
        Ok(adopted)
    }
}

impl OutboxStore for IndexedDb {
    async fn load(&self) -> Result<Vec<StoredPublish>, StoreError> {
        let owner = random_name();
        let lock = self.take_lock(&owner).await?;
        let database = open(&self.name).await?;
        let adopted = match self.adopt(&database, &owner).await {
            Ok(adopted) => adopted,
            Err(error) => {
                database.close();
                return Err(error);
            }
        };
        let keys = adopted.iter().map(|(key, publish)| (publish.id.clone(), key.clone())).collect();
        *self.open.borrow_mut() = Some(Open { database, owner, lock, keys });
        Ok(adopted.into_iter().map(|(_, publish)| publish).collect())
    }

    async fn save(&self, publishes: Vec<StoredPublish>) -> Result<(), StoreError> {
        let (transaction, store) = self.transaction()?;
        let owner = self.open.borrow().as_ref().map(|open| open.owner.clone()).unwrap_or_default();
        let mut keys = Vec::new();
        for publish in publishes {
            let record = record::write(&publish, &owner);
            let key = store.add(&record, None).map_err(refused)?.await.map_err(refused)?;
            keys.push((publish.id, key));
        }
        commit(transaction).await?;
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.keys.append(&mut keys);
        }
        Ok(())
    }

    async fn forget(&self, ids: Vec<PublishId>) -> Result<(), StoreError> {
        let mut gone = Vec::new();
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.keys.retain(|(id, key)| {
                let keep = !ids.contains(id);
                if !keep {
                    gone.push(key.clone());
                }
                keep
            });
        }
        if gone.is_empty() {
            return Ok(());
        }
        let (transaction, store) = self.transaction()?;
        for key in gone {
            store.delete(key).map_err(refused)?.await.map_err(refused)?;
        }
        commit(transaction).await
    }

    fn put_aside(&self) {
        if let Some(open) = &mut *self.open.borrow_mut() {
            open.lock = None;
        }
    }

    async fn back(&self) {
        let owner = match &*self.open.borrow() {
            Some(open) if open.lock.is_none() => open.owner.clone(),
            _ => return,
        };
        let mut taken = (owner.clone(), self.take_lock(&owner).await.ok().flatten());
        if taken.1.is_none() {
            // Somebody is taking over what is stored here. What comes from now on gets another owner.
            let owner = random_name();
            let lock = self.take_lock(&owner).await.ok().flatten();
            taken = (owner, lock);
        }
        if let Some(open) = &mut *self.open.borrow_mut() {
            (open.owner, open.lock) = taken;
        }
    }
}

async fn open(name: &str) -> Result<Database, StoreError> {
    let factory = Factory::new().map_err(unavailable)?;
    let mut request = factory.open(name, Some(VERSION)).map_err(unavailable)?;
    request.on_upgrade_needed(|event| {
        if let Ok(database) = event.database() {
            let mut params = ObjectStoreParams::new();
            params.auto_increment(true);
            // When it fails, the first transaction says so.
            let _ = database.create_object_store(STORE, params);
        }
    });
    let mut database = request.await.map_err(unavailable)?;
    // A newer Everwire wants another version of it: this one goes on without.
    database.on_version_change(|event| {
        if let Some(database) = event.target() {
            database.unchecked_into::<IdbDatabase>().close();
        }
    });
    Ok(database)
}

fn begin(database: &Database, mode: TransactionMode) -> Result<(Transaction, ObjectStore), StoreError> {
    let transaction = database.transaction(&[STORE], mode).map_err(unavailable)?;
    let store = transaction.object_store(STORE).map_err(unavailable)?;
    Ok((transaction, store))
}

/// Ends a transaction now, and not when the browser gets to it: a page may be closing.
async fn commit(transaction: Transaction) -> Result<(), StoreError> {
    match transaction.commit().map_err(refused)?.await {
        Ok(TransactionResult::Committed) => Ok(()),
        Ok(TransactionResult::Aborted) | Err(_) => Err(StoreError::Refused),
    }
}

fn unavailable(_: idb::Error) -> StoreError {
    StoreError::Unavailable
}

fn refused(_: idb::Error) -> StoreError {
    StoreError::Refused
}
