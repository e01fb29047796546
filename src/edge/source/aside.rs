//! A client whose end nobody waits for: it takes a tenth of a second until its own threads have ended, and a sink is
//! opened with several clients, one after the other. One that is not let in may wait most of a minute for a coordinator that
//! it never sees.

use std::ops::Deref;

/// A client that is closed on a thread of its own when dropped.
pub struct Aside<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Aside<T> {
    /// Takes a client over.
    pub fn new(client: T) -> Self {
        Aside(Some(client))
    }
}

impl<T: Send + 'static> Deref for Aside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // Only `drop` takes it.
        self.0.as_ref().unwrap_or_else(|| unreachable!())
    }
}

impl<T: Send + 'static> Drop for Aside<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        // Without a thread it is closed here.
        let _ = std::thread::Builder::new()
            .name("closes-client".to_owned())
            .spawn(move || drop(client));
    }
}
