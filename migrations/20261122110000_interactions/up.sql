CREATE TABLE interactions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    channel text NOT NULL,
    direction text NOT NULL,
    account_id uuid,
    subject_type text,
    subject_id uuid,
    occurred_at timestamptz NOT NULL,
    duration_seconds integer,
    subject_line text,
    body text,
    outcome text,
    sentiment numeric(5,4),
    thread_key text,
    owner_id uuid,
    team_id uuid,
    CONSTRAINT interactions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT interactions_channel_check CHECK (channel IN ('PHONE', 'IVR', 'FAX', 'EMAIL', 'SMS', 'CHAT', 'SOCIAL', 'WEB', 'PUSH', 'POST', 'VISIT', 'MEETING')),
    CONSTRAINT interactions_direction_check CHECK (direction IN ('INBOUND', 'OUTBOUND', 'INTERNAL')),
    CONSTRAINT interactions_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT interactions_owner_id_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id),
    CONSTRAINT interactions_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT interactions_subject_id_check CHECK ((subject_type IS NULL) = (subject_id IS NULL)),
    CONSTRAINT interactions_duration_seconds_check CHECK (duration_seconds >= 0),
    CONSTRAINT interactions_sentiment_check CHECK (sentiment BETWEEN -1 AND 1)
);
CREATE INDEX interactions_account_id_idx ON interactions (tenant_id, account_id, id);
CREATE INDEX interactions_owner_id_idx ON interactions (tenant_id, owner_id, id);
CREATE INDEX interactions_team_id_idx ON interactions (tenant_id, team_id, id);
CREATE INDEX interactions_created_at_idx ON interactions (tenant_id, created_at, id);
CREATE INDEX interactions_updated_at_idx ON interactions (tenant_id, updated_at, id);
CREATE INDEX interactions_occurred_at_idx ON interactions (tenant_id, occurred_at, id);
COMMENT ON TABLE interactions IS 'A touch between us and somebody, over any channel';
SELECT kith_protect('interactions');

CREATE TABLE interaction_contacts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    interaction_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    role text NOT NULL,
    occurred_at timestamptz NOT NULL,
    CONSTRAINT interaction_contacts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT interaction_contacts_interaction_id_fkey FOREIGN KEY (tenant_id, interaction_id) REFERENCES interactions (tenant_id, id),
    CONSTRAINT interaction_contacts_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT interaction_contacts_role_check CHECK (role IN ('FROM', 'TO', 'CC', 'BCC', 'ATTENDEE'))
);
CREATE UNIQUE INDEX interaction_contacts_interaction_id_contact_id_role_key ON interaction_contacts (tenant_id, interaction_id, contact_id, role) WHERE archived_at IS NULL;
CREATE INDEX interaction_contacts_interaction_id_idx ON interaction_contacts (tenant_id, interaction_id, id);
CREATE INDEX interaction_contacts_contact_id_idx ON interaction_contacts (tenant_id, contact_id, id);
CREATE INDEX interaction_contacts_created_at_idx ON interaction_contacts (tenant_id, created_at, id);
CREATE INDEX interaction_contacts_updated_at_idx ON interaction_contacts (tenant_id, updated_at, id);
CREATE INDEX interaction_contacts_occurred_at_idx ON interaction_contacts (tenant_id, occurred_at, id);
COMMENT ON TABLE interaction_contacts IS 'A person who took part in an interaction';
SELECT kith_protect('interaction_contacts');

CREATE TABLE tasks (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    title text NOT NULL,
    description text,
    status text NOT NULL,
    priority text NOT NULL,
    due_on date,
    due_at timestamptz,
    reminder_at timestamptz,
    reminder_dismissed_at timestamptz,
    recurrence text,
    recurrence_start text,
    scheduled_for text,
    occurrence integer,
    previous_id uuid,
    completed_at timestamptz,
    account_id uuid,
    contact_id uuid,
    subject_type text,
    subject_id uuid,
    assignee_id uuid,
    team_id uuid,
    CONSTRAINT tasks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tasks_status_check CHECK (status IN ('OPEN', 'IN_PROGRESS', 'DONE', 'CANCELLED')),
    CONSTRAINT tasks_priority_check CHECK (priority IN ('LOW', 'NORMAL', 'HIGH', 'URGENT')),
    CONSTRAINT tasks_previous_id_fkey FOREIGN KEY (tenant_id, previous_id) REFERENCES tasks (tenant_id, id),
    CONSTRAINT tasks_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT tasks_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT tasks_assignee_id_fkey FOREIGN KEY (tenant_id, assignee_id) REFERENCES users (tenant_id, id),
    CONSTRAINT tasks_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT tasks_completed_at_check CHECK ((completed_at IS NOT NULL) = (status = 'DONE')),
    CONSTRAINT tasks_subject_id_check CHECK ((subject_type IS NULL) = (subject_id IS NULL)),
    CONSTRAINT tasks_due_at_check CHECK (due_on IS NULL OR due_at IS NOT NULL),
    CONSTRAINT tasks_recurrence_check CHECK ((recurrence IS NULL) = (recurrence_start IS NULL) AND (recurrence IS NULL) = (occurrence IS NULL)),
    CONSTRAINT tasks_occurrence_check CHECK (occurrence >= 1)
);
-- A task has one that comes after it, whatever becomes of that.
CREATE UNIQUE INDEX tasks_previous_id_key ON tasks (tenant_id, previous_id);
CREATE INDEX tasks_account_id_idx ON tasks (tenant_id, account_id, id);
CREATE INDEX tasks_contact_id_idx ON tasks (tenant_id, contact_id, id);
CREATE INDEX tasks_assignee_id_idx ON tasks (tenant_id, assignee_id, id);
CREATE INDEX tasks_team_id_idx ON tasks (tenant_id, team_id, id);
CREATE INDEX tasks_created_at_idx ON tasks (tenant_id, created_at, id);
CREATE INDEX tasks_updated_at_idx ON tasks (tenant_id, updated_at, id);
CREATE INDEX tasks_due_at_idx ON tasks (tenant_id, due_at, id);
CREATE INDEX tasks_reminder_at_idx ON tasks (tenant_id, reminder_at, id);
CREATE INDEX tasks_completed_at_idx ON tasks (tenant_id, completed_at, id);
COMMENT ON TABLE tasks IS 'Something that somebody has to do';
SELECT kith_protect('tasks');

-- Timelines read each of their ways newest first; so does a thread.
CREATE INDEX interactions_thread_key_idx ON interactions (tenant_id, thread_key, occurred_at, id);
CREATE INDEX interactions_subject_timeline_idx ON interactions (tenant_id, subject_id, occurred_at, id);
CREATE INDEX interactions_account_timeline_idx ON interactions (tenant_id, account_id, occurred_at, id);
CREATE INDEX interaction_contacts_timeline_idx ON interaction_contacts (tenant_id, contact_id, occurred_at, interaction_id);
CREATE INDEX tasks_subject_timeline_idx ON tasks (tenant_id, subject_id, (COALESCE(completed_at, due_at, created_at)), id);
CREATE INDEX tasks_account_timeline_idx ON tasks (tenant_id, account_id, (COALESCE(completed_at, due_at, created_at)), id);
CREATE INDEX tasks_contact_timeline_idx ON tasks (tenant_id, contact_id, (COALESCE(completed_at, due_at, created_at)), id);
CREATE INDEX notes_subject_timeline_idx ON notes (tenant_id, subject_id, created_at, id);
CREATE INDEX stage_changes_timeline_idx ON stage_changes (tenant_id, opportunity_id, changed_at, id);
