// atob and btoa: the engine's, but that an argument is needed: https://html.spec.whatwg.org/#atob
const { atob, btoa } = own;
const { needs } = own.load('common');

return [
    {
        atob(data) {
            needs(arguments.length, 1, 'atob');
            return atob(data);
        },
    }.atob,
    {
        btoa(data) {
            needs(arguments.length, 1, 'btoa');
            return btoa(data);
        },
    }.btoa,
];
