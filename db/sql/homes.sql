-- Buildings in scope and the households on file in them, that have every one of the words in them.
WITH home AS (
    SELECT b.code AS building_code, b.name AS building_name, b.address, b.grid_code, NULL AS household_code,
        NULL::smallint AS unit, NULL AS room, NULL AS head_full_name, b.name || ' ' || b.address AS told
    FROM building AS b
    UNION ALL
    SELECT b.code, b.name, b.address, h.grid_code, h.code, h.unit, h.room, h.head_name,
        concat_ws(' ', b.name, h.unit || '单元', h.unit || '-' || h.room, h.head_name, b.address)
    FROM household AS h
    JOIN building AS b ON b.id = h.building_id
)
SELECT h.building_code, h.building_name, h.address, h.grid_code, g.name AS grid_name, h.household_code, h.unit, h.room,
    h.head_full_name
FROM home AS h
JOIN grid AS g ON g.code = h.grid_code
WHERE app_in_scope(h.grid_code) AND app_reads_personal()
    AND NOT EXISTS (SELECT FROM unnest(CAST(:words AS text[])) AS w(word) WHERE strpos(lower(h.told), lower(w.word)) = 0)
ORDER BY h.household_code IS NOT NULL, h.building_code, h.unit, h.room, h.household_code
LIMIT :limit
