//! An app behind a real socket: the listener, the limits of connections and the workers are those of the binary.

use crate::stage::Stage;
use crate::wire::Wire;
use actix_web::dev::ServerHandle;
use actix_web::web;
use kith_api::App;
use kith_server::listen::Limits;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;

/// A running server; it ends when dropped.
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Stage {
    /// Serves the stage as the binary would.
    pub fn serve(&self) -> Served {
        self.serve_with(Limits::default())
    }

    /// Serves it with other limits on connections.
    pub fn serve_with(&self, limits: Limits) -> Served {
        Served::start(self.app.clone(), limits)
    }
}

impl Served {
    /// Serves an app with two workers.
    pub fn start(app: web::Data<App>, limits: Limits) -> Self {
        let (started, start) = mpsc::sync_channel(1);
        let run = move || {
            actix_web::rt::System::new().block_on(async move {
                let local = SocketAddr::from(([127, 0, 0, 1], 0));
                let made = kith_server::listen::listener(local).map_err(anyhow::Error::from).and_then(|listener| {
                    let address = listener.local_addr()?;
                    Ok((address, kith_server::serve::server(app, listener, limits, 2, 25)?))
                });
                match made {
                    Ok((address, server)) => {
                        started.send(Ok((address, server.handle()))).ok();
                        server.await.ok();
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
        };
        let thread = std::thread::spawn(run);
        match start.recv() {
            Ok(Ok((address, handle))) => Served { address, handle, thread: Some(thread) },
            Ok(Err(error)) => panic!("it cannot be served: {error:#}"),
            Err(_) => panic!("the server's thread ended at once"),
        }
    }

    /// A connection to it.
    pub fn connect(&self) -> Wire {
        Wire::open(self.address).unwrap_or_else(|error| panic!("no connection: {error}"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Sent as it is made; nobody has to wait for the answer.
        drop(self.handle.stop(false));
        self.thread.take().map(JoinHandle::join);
    }
}
