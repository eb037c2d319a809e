// Stands in for what a library imports and no browser needs.
export default {};
