-- What a session lets the agent do: its mode, its working folder, and what the user allowed for it alone (JSON).
ALTER TABLE sessions ADD COLUMN mode TEXT NOT NULL DEFAULT 'ask' CHECK (mode IN ('ask', 'edits', 'plan', 'auto'));
ALTER TABLE sessions ADD COLUMN folder TEXT;
ALTER TABLE sessions ADD COLUMN grants TEXT NOT NULL DEFAULT '[]';
