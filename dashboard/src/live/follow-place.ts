import { type Place, placeOf } from './place.ts';
import { Store } from './store.ts';

/** Follows the address of the page. One that is of a part of the page, such as `#main`, leads to no other place. */
export function followPlace(): Store<Place> {
  const place = new Store(placeOf(location.hash));
  addEventListener('hashchange', () => {
    if (location.hash === '' || location.hash.startsWith('#/')) place.value = placeOf(location.hash);
  });
  return place;
}
