-- What the last run without anything left to do stood on: with the same bytes, settings and memory there is nothing to
-- do again. Whatever else planning reads takes this away when it changes, whoever changes it: the triggers below name
-- every table that planning reads.
CREATE TABLE quiet (
    target  TEXT PRIMARY KEY REFERENCES targets (name),
    run     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    body    TEXT NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER quiet_targets AFTER UPDATE OF url, dialect, generation, state, quarantined_by, paused_reason, paused_until,
    update_checked, contacted ON targets BEGIN DELETE FROM quiet WHERE target = NEW.name; END;

CREATE TRIGGER quiet_entries_1 AFTER INSERT ON entries BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_entries_2 AFTER UPDATE ON entries BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_entries_3 AFTER DELETE ON entries BEGIN DELETE FROM quiet WHERE target = OLD.target; END;

CREATE TRIGGER quiet_groups_1 AFTER INSERT ON groups BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_groups_2 AFTER DELETE ON groups BEGIN DELETE FROM quiet WHERE target = OLD.target; END;

CREATE TRIGGER quiet_intents_1 AFTER INSERT ON intents BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_intents_2 AFTER UPDATE OF target, person, username, new_username, state, unsettled ON intents
    BEGIN DELETE FROM quiet WHERE target = NEW.target; END;

CREATE TRIGGER quiet_missing_1 AFTER INSERT ON missing BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_missing_2 AFTER DELETE ON missing BEGIN DELETE FROM quiet WHERE target = OLD.target; END;

CREATE TRIGGER quiet_links_1 AFTER INSERT ON links BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_links_2 AFTER UPDATE ON links BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_links_3 AFTER DELETE ON links BEGIN DELETE FROM quiet WHERE target = OLD.target; END;

CREATE TRIGGER quiet_drifted_1 AFTER INSERT ON drifted BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_drifted_2 AFTER DELETE ON drifted BEGIN DELETE FROM quiet WHERE target = OLD.target; END;

CREATE TRIGGER quiet_approvals AFTER INSERT ON approvals BEGIN DELETE FROM quiet WHERE target = NEW.target; END;

CREATE TRIGGER quiet_applied AFTER INSERT ON applied_rosters BEGIN DELETE FROM quiet WHERE target = NEW.target; END;

-- These are said of people, whichever target they are on.
CREATE TRIGGER quiet_people_1 AFTER INSERT ON people BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_people_2 AFTER UPDATE OF person, sources, identity ON people BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_people_3 AFTER DELETE ON people BEGIN DELETE FROM quiet; END;

CREATE TRIGGER quiet_overrides_1 AFTER INSERT ON overrides BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_overrides_2 AFTER UPDATE ON overrides BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_overrides_3 AFTER DELETE ON overrides BEGIN DELETE FROM quiet; END;
