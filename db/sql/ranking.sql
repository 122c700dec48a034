-- The grids below `:under` (null: all communities) by the share of closed incidents that were settled on the spot by the
-- deadline of the whole matter, best first. An appeal that was granted leaves its incident out of this, and nowhere else.
WITH RECURSIVE part AS (
    SELECT code AS top, code
    FROM grid
    WHERE CASE WHEN CAST(:under AS text) IS NULL THEN level = 'community' ELSE parent_code = :under END
    UNION ALL
    SELECT p.top, g.code FROM part AS p JOIN grid AS g ON g.parent_code = p.code
)
SELECT g.code, g.name, count(i.id) AS closed,
    count(i.id) FILTER (WHERE coalesce(i.resolved_at, i.closed_at) <= i.settle_by) AS on_time
FROM part AS p
JOIN grid AS g ON g.code = p.top
LEFT JOIN incident AS i ON i.grid_code = p.code AND i.status = 'closed' AND i.closed_at >= :since AND i.closed_at < :now
    AND NOT i.is_exempt
GROUP BY g.code, g.name
ORDER BY count(i.id) FILTER (WHERE coalesce(i.resolved_at, i.closed_at) <= i.settle_by)::float8
    / nullif(count(i.id), 0) DESC NULLS LAST, g.code
