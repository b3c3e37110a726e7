use super::*;

fn catch_up(from: ListFrom, after: Option<&str>) -> CatchUp {
    let log = EventLog::session("sess_1".into());
    CatchUp::new(&log, from, after, 100, ListSupport::default())
}

fn page(ids: &[&str], more: bool) -> Page<Event> {
    let events: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"type":"session.status_running","id":"{id}"}}"#))
        .collect();
    let last = ids.last().unwrap_or(&"");
    let text = format!(
        r#"{{"data":[{}],"has_more":{more},"next_page":"after {last}"}}"#,
        events.join(",")
    );
    serde_json::from_str(&text).expect("a page")
}

fn nothing(_: &EventId) -> bool {
    false
}

/// The events that it gives now, and whether it is done then.
fn given(catch_up: &mut CatchUp) -> (Vec<String>, bool) {
    let mut events = Vec::new();
    loop {
        match catch_up.step() {
            Some(Step::Event(event)) => {
                events.extend(event.id().map(ToString::to_string));
            }
            Some(Step::Done) => return (events, true),
            None => return (events, false),
            Some(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_page_is_fetched_when_the_one_before_was_given_out() {
    let mut catch_up = catch_up(ListFrom::Beginning, None);
    assert!(catch_up.request().is_some());
    catch_up.page(page(&["e1", "e2"], true), nothing);
    assert!(
        catch_up.request().is_none(),
        "two events are to be given out"
    );
    catch_up.step();
    assert!(catch_up.request().is_none());
    catch_up.step();
    assert!(catch_up.request().is_some());
    catch_up.page(page(&["e3"], false), nothing);
    assert_eq!(given(&mut catch_up), (vec!["e3".to_owned()], true));
}

#[test]
fn a_list_that_begins_with_the_first_event_whatever_it_is_asked() {
    let mut catch_up = catch_up(ListFrom::Cursor, Some("e3"));
    catch_up.request();
    catch_up.page(page(&["e1", "e2"], true), nothing);
    assert_eq!(
        given(&mut catch_up),
        (vec![], false),
        "it is asked about that"
    );
    assert!(catch_up.request().is_some());
    catch_up.page(page(&["e1", "e2"], true), nothing);
    assert_eq!(
        given(&mut catch_up),
        (vec![], false),
        "all before the cursor"
    );
    assert!(catch_up.request().is_some());
    catch_up.page(page(&["e3", "e4"], false), nothing);
    assert_eq!(given(&mut catch_up), (vec!["e4".to_owned()], true));
    assert_eq!(catch_up.habits().after, Heeds::No);
}

#[test]
fn a_list_that_has_the_oldest_event_first_whatever_it_is_asked() {
    let known = |id: &EventId| matches!(id.as_str(), "e1" | "e2");
    let mut catch_up = catch_up(ListFrom::BackToKnown, None);
    catch_up.request();
    catch_up.page(page(&["e1", "e2"], true), known);
    assert_eq!(
        given(&mut catch_up),
        (vec![], false),
        "it is asked about that"
    );
    assert!(catch_up.request().is_some());
    catch_up.page(page(&["e2", "e3"], true), known);
    assert!(catch_up.request().is_some(), "from the beginning");
    catch_up.page(page(&["e1", "e2", "e3", "e4"], false), known);
    let new = vec!["e3".to_owned(), "e4".to_owned()];
    assert_eq!(given(&mut catch_up), (new, true));
    assert_eq!(catch_up.habits().order, Heeds::No);
}

#[test]
fn a_list_that_does_not_tell_its_order_is_read_from_the_beginning() {
    let mut catch_up = catch_up(ListFrom::Newest, None);
    catch_up.request();
    catch_up.page(page(&["e1", "e2"], true), nothing);
    assert!(catch_up.request().is_some(), "it is asked about that");
    assert!(catch_up.does_without());
    assert!(
        catch_up.step().is_none(),
        "e1 may be the oldest or the newest"
    );
    assert!(catch_up.request().is_some(), "from the beginning");
    catch_up.page(page(&["e1", "e2", "e3"], false), nothing);
    let newest = catch_up.step();
    assert!(
        matches!(&newest, Some(Step::Newest(Some(id))) if id.as_str() == "e3"),
        "{newest:?}"
    );
}
