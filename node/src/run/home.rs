//! [`Home`]: the data directory: whose it is, and that nobody else uses it.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use yizhan_schemas::Code;

use super::RunError;

/// The file that says whose the directory is.
const OWNER: &str = "station";
/// The file that is locked while a process uses the directory.
const LOCK: &str = "lock";

/// A process that was killed a moment ago keeps its locks until the system has cleared it away:
/// longest wait for that, and pause between two looks.
const DYING_MAX: Duration = Duration::from_secs(5);
const DYING_POLL: Duration = Duration::from_millis(20);

/// A data directory, ours as long as this lives.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) dir: PathBuf,
    /// The code that the directory was made under, if that is another one.
    pub(super) formerly: Option<Code>,
    _lock: File,
}

impl Home {
    /// Takes possession of a directory; makes it if it is missing.
    pub(super) fn take(dir: &Path, code: &Code, formerly: &[Code]) -> Result<Self, RunError> {
        let file = |doing, file: &Path| {
            let file = file.to_owned();
            move |source| RunError::File { doing, file, source }
        };
        fs::create_dir_all(dir).map_err(file("make the data directory", dir))?;
        let dir = dir.canonicalize().map_err(file("find", dir))?;
        let lock = lock(&dir)?;
        let owner_file = dir.join(OWNER);
        let formerly = match fs::read_to_string(&owner_file) {
            Ok(text) => other(&dir, text.trim(), code, formerly)?,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                own(&owner_file, &dir, code).map_err(file("write", &owner_file))?;
                None
            }
            Err(source) => return Err(file("read", &owner_file)(source)),
        };
        Ok(Self { dir, formerly, _lock: lock })
    }
}

fn lock(dir: &Path) -> Result<File, RunError> {
    let path = dir.join(LOCK);
    let wrong = |doing| {
        let path = path.clone();
        move |source| RunError::File { doing, file: path, source }
    };
    let open = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    let mut file = open.map_err(wrong("open"))?;
    let patience = Instant::now() + DYING_MAX;
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut pid = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut pid)).map_err(wrong("read"))?;
        let pid = pid.trim().to_owned();
        if is_alive(&pid) || Instant::now() > patience {
            return Err(RunError::InUse { dir: dir.to_owned(), pid });
        }
        std::thread::sleep(DYING_POLL);
    }
    file.set_len(0).map_err(wrong("write"))?;
    file.rewind().map_err(wrong("write"))?;
    writeln!(file, "{}", std::process::id()).map_err(wrong("write"))?;
    Ok(file)
}

/// True if a process runs under this pid: one that was killed shows as a zombie, or not at all.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// The earlier code, if the directory is that of a station that this one used to be.
fn other(
    dir: &Path,
    owner: &str,
    code: &Code,
    formerly: &[Code],
) -> Result<Option<Code>, RunError> {
    let known = Code::parse(owner).ok();
    match known {
        Some(owner) if owner == *code => Ok(None),
        Some(owner) if formerly.contains(&owner) => Ok(Some(owner)),
        Some(owner) => {
            Err(RunError::OtherStation { dir: dir.to_owned(), owner, code: code.clone() })
        }
        None => Err(RunError::File {
            doing: "tell whose data directory this is by",
            file: dir.join(OWNER),
            source: std::io::Error::other(format!("it says `{owner}`, which is no station code")),
        }),
    }
}

fn own(file: &Path, dir: &Path, code: &Code) -> std::io::Result<()> {
    let temporary = file.with_extension("new");
    let mut writing = File::create(&temporary)?;
    writeln!(writing, "{code}")?;
    writing.sync_all()?;
    fs::rename(&temporary, file)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    #[test]
    fn a_directory_of_another_station_is_refused_unless_it_was_that_station() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        drop(Home::take(&data, &code("510722.101"), &[]).unwrap());
        let shown = data.canonicalize().unwrap();
        let refused = Home::take(&data, &code("510722.102"), &[]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "data directory {} is that of station 510722.101, not of 510722.102; give \
                 510722.102 a data.dir of its own, or, if 510722.101 was renamed or moved to \
                 510722.102, set station.formerly = \"510722.101\"",
                shown.display()
            )
        );
        let moved = Home::take(&data, &code("510722.102"), &[code("510722.101")]).unwrap();
        assert_eq!(moved.formerly, Some(code("510722.101")));
    }

    #[test]
    fn a_directory_in_use_is_refused_by_the_pid_that_uses_it() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Home::take(dir.path(), &code("510722"), &[]).unwrap();
        let refused = Home::take(dir.path(), &code("510722"), &[]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "data directory {} is in use by another process (pid {})",
                dir.path().canonicalize().unwrap().display(),
                std::process::id()
            )
        );
    }
}
