//! What a Yizhan station decides.
//!
//! Promise: no I/O, no clock, no randomness, no hash maps: the same inputs give the same steps,
//! in a simulator and in the field.
//!
//! | frame | what all share |
//! |---|---|
//! | [`time`] [`settings`] [`link`] [`draft`] [`jitter`] | arguments |
//! | [`input`] [`effect`] | what comes in, what goes out |
//! | [`record`] [`kept`] | what is written, and its fold |
//! | [`seal`] | what is known of the signature over a message |
//! | [`matter`] [`matters`] | incidents and cases that are under way here |
//! | [`ranges`] [`contents`] | sets of sequences, and whose they are |
//! | [`step`] | nothing is said before it is stored |
//! | [`station`] | knows all deciders, asks each |
//! | [`mutant`] | deliberate faults, in a build of their own |
//!
//! | decider | decides |
//! |---|---|
//! | [`admit`] | whether a draft may be sent, and on which terms |
//! | [`route`] | which legs a message gets |
//! | [`seen`] | whether a message has been here |
//! | [`keys`] | whether a publisher repeats itself |
//! | [`outbound`] [`inbound`] | where a lane of a link stands, at each end |
//! | [`resume`] | where a sender goes on after a hello |
//! | [`peer`] | whose hello counts |
//! | [`lanes`] [`flight`] [`pace`] | whose turn it is, what is on its way, how much may be |
//! | [`neighbour`] [`transit`] | who is alive, how long frames are on their way |
//! | [`passage`] | what of a neighbour's legs is durable one hop further |
//! | [`owing`] [`outcomes`] | what is told of others' messages, and what is known of our own |
//! | [`awaited`] | whose answers to directives of our own are missing |
//! | [`ledger`] | the count: every leg is held, handed over or ended |
//! | [`bridges`] | how long the power was off |
//! | [`inbox`] | which stream sequence belongs to which inbox leg |
//! | [`lifecycle`] [`ladder`] | which steps an incident, and a case, may take |
//! | [`tally`] | what happened to them, counted |
//! | [`fill`] | how legs become frames |

pub mod admit;
pub mod awaited;
pub mod bridges;
pub mod bucket;
pub mod contents;
pub mod draft;
pub mod effect;
pub mod fill;
pub mod flight;
pub mod gone;
pub mod inbound;
pub mod inbox;
pub mod input;
pub mod jitter;
pub mod kept;
pub mod keys;
pub mod ladder;
pub mod lanes;
pub mod ledger;
pub mod lifecycle;
pub mod link;
pub mod matter;
pub mod matters;
pub mod mutant;
pub mod neighbour;
pub mod outbound;
pub mod outcomes;
pub mod owing;
pub mod pace;
pub mod passage;
pub mod peer;
pub mod ranges;
pub mod record;
pub mod resume;
pub mod route;
pub mod seal;
pub mod seen;
pub mod settings;
pub mod station;
pub mod step;
pub mod tally;
pub mod time;
pub mod transit;

pub use station::Station;
