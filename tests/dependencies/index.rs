//! A package index on this machine, which can fail in every way that an index can.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Good,
    /// Each package twice, then never again.
    Twice,
    /// With an error.
    Broken,
    /// Not at all.
    Silent,
}

/// It ends with the test's process.
pub struct Index {
    pub url: String,
    mood: Arc<Mutex<Mood>>,
    served: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Index {
    /// Serves the packages of a folder.
    pub fn of(folder: &Path, mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/simple/", listener.local_addr().unwrap());
        let (mood, served) = (Arc::new(Mutex::new(mood)), Arc::new(Mutex::new(BTreeMap::new())));
        let (folder, mood_now, count) = (folder.to_owned(), mood.clone(), served.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, mood, count) = (folder.clone(), mood_now.clone(), count.clone());
                std::thread::spawn(move || answer(stream, &folder, &mood, &count));
            }
        });
        Self { url, mood, served }
    }

    /// From now on it answers so.
    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often it gave a package away.
    pub fn served(&self, name: &str) -> u32 {
        self.served.lock().unwrap().iter().filter(|(file, _)| file.starts_with(name)).map(|(_, n)| n).sum()
    }
}

fn answer(mut stream: TcpStream, folder: &Path, mood: &Mutex<Mood>, served: &Mutex<BTreeMap<String, u32>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    for line in lines.by_ref().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default().trim_matches('/').to_owned();
    let mood = *mood.lock().unwrap();
    let (status, kind, body) = match (mood, path.split('/').collect::<Vec<_>>()[..].to_vec()) {
        (Mood::Silent, _) => {
            // Until whoever asked has gone.
            let _ = lines.next();
            return;
        }
        (Mood::Broken, _) => ("500 Oh dear", "text/plain", b"this index is broken".to_vec()),
        (_, parts) if parts.len() == 2 && parts[0] == "simple" => {
            let list: String = files(folder)
                .iter()
                .map(|f| f.file_name().unwrap().to_string_lossy().into_owned())
                .filter(|f| f.replace('_', "-").starts_with(&format!("{}-", parts[1])))
                .map(|f| format!("<a href=\"/files/{f}\">{f}</a>\n"))
                .collect();
            ("200 OK", "text/html", format!("<!DOCTYPE html><html><body>{list}</body></html>").into_bytes())
        }
        (_, parts) if parts.len() == 2 && parts[0] == "files" && folder.join(parts[1]).is_file() => {
            let mut all = served.lock().unwrap();
            let count = all.entry(parts[1].to_owned()).or_default();
            *count += 1;
            if mood == Mood::Twice && *count > 2 {
                ("410 Gone", "text/plain", Vec::new())
            } else {
                ("200 OK", "application/octet-stream", std::fs::read(folder.join(parts[1])).unwrap())
            }
        }
        _ => ("404 Not Found", "text/plain", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect()
}
